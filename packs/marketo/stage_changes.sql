SELECT 'person' AS subject_type, person_id AS subject_id, changed_at, stage, reason, _file, _line FROM step
