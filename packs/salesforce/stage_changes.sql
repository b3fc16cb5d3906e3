-- Two entries of one stage at one instant are one.
SELECT 'person' AS subject_type, person_id AS subject_id, changed_at, stage, changed_by, seq, _file, _line
FROM (SELECT *, row_number() OVER (PARTITION BY person_id, changed_at, stage ORDER BY seq) AS place FROM lead_step)
WHERE place = 1
UNION ALL
SELECT 'opportunity', opportunity_id, changed_at, stage, changed_by, seq, _file, _line
FROM (SELECT *, row_number() OVER (PARTITION BY opportunity_id, changed_at, stage ORDER BY seq) AS place FROM step)
WHERE place = 1 AND changed_at IS NOT NULL
