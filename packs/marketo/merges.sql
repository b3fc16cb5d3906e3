-- The ids that were merged stand in brackets: [1286861, 1286862].
SELECT
    'person' AS subject_type,
    concat('marketo/', from_id) AS from_id,
    coalesce(p.person_id, concat('marketo/', into_id)) AS into_id,
    messy_timestamp(activity_date) AS merged_at,
    m._file,
    m._line
FROM (
    SELECT *, row_number() OVER (PARTITION BY from_id ORDER BY messy_timestamp(activity_date) DESC, id DESC) AS place
    FROM (
        SELECT id, lead_id AS into_id, activity_date, _file, _line, trim(from_id) AS from_id
        FROM (SELECT *, unnest(string_to_array(regexp_replace(merge_ids, '[^0-9,]', '', 'g'), ',')) AS from_id FROM merge_leads)
    )
    WHERE from_id <> '' AND from_id <> into_id
) AS m
LEFT JOIN person AS p ON p.id = m.into_id
WHERE m.place = 1
