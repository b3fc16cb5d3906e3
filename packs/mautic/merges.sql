SELECT 'person' AS subject_type, merged_id AS from_id, contact_id AS into_id, messy_timestamp(date_added) AS merged_at, _file, _line
FROM (
    SELECT *, row_number() OVER (PARTITION BY merged_id ORDER BY messy_timestamp(date_added) DESC, CAST(id AS BIGINT) DESC) AS turn
    FROM contact_merge_records
)
WHERE turn = 1
