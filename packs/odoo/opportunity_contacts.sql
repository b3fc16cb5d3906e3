-- Odoo knows one contact of an opportunity; it is the primary one.
SELECT id AS opportunity_id, person_id, true AS is_primary, _file, _line
FROM lead
WHERE type = 'opportunity' AND has_person
