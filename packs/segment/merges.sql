-- An alias says that two ids are one person.
SELECT 'person' AS subject_type, previous_id AS from_id, user_id AS into_id, messy_timestamp("timestamp") AS merged_at, _file, _line
FROM (
    SELECT *, row_number() OVER (PARTITION BY previous_id ORDER BY messy_timestamp("timestamp") DESC, id) AS turn
    FROM aliases
    WHERE previous_id <> user_id AND previous_id NOT IN (SELECT anonymous_id FROM link)
)
WHERE turn = 1
