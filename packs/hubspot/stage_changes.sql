SELECT 'person' AS subject_type, contact_id AS subject_id, changed_at, stage, changed_by, _file, _line FROM person_step
UNION ALL
SELECT 'opportunity', deal_id, changed_at, stage, CAST(NULL AS varchar), _file, _line FROM deal_step
