-- A deal that is closed ends when it was closed; some were closed before they were created, and are kept as they are.
WITH entries AS (
    SELECT h.id, p.person_id, messy_timestamp(h.created_at) AS changed_at, coalesce(setting('lifecycle', s.name), s.name) AS stage, h._file, h._line
    FROM lifecycle_history AS h
    JOIN person AS p ON p.id = h.prospect_id
    JOIN lifecycle_stage AS s ON s.id = h.next_stage_id
)
SELECT 'opportunity' AS subject_type, concat('pardot/', id) AS subject_id, messy_timestamp(closed_at) AS changed_at, outcome AS stage, _file, _line
FROM deal
WHERE outcome IS NOT NULL AND messy_timestamp(closed_at) IS NOT NULL
UNION ALL
SELECT 'person', person_id, changed_at, stage, _file, _line
FROM (SELECT *, row_number() OVER (PARTITION BY person_id, changed_at, stage ORDER BY id) AS place FROM entries WHERE stage <> '')
WHERE place = 1
