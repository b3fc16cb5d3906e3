SELECT id AS opportunity_id, contact_id AS person_id, true AS is_primary, _file, _line
FROM deal
WHERE contact_id IS NOT NULL
