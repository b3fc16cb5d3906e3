SELECT
    id AS activity_id,
    person_id,
    opportunity_id,
    occurred_at,
    user_id,
    kind,
    direction,
    automated,
    outcome,
    _file,
    _line
FROM work
WHERE person_id IS NOT NULL OR opportunity_id IS NOT NULL
