-- Pipedrive knows one contact of a deal; its other participants are not in taps and exports.
SELECT id AS opportunity_id, person_id, true AS is_primary, _file, _line
FROM deal
WHERE person_id IS NOT NULL
