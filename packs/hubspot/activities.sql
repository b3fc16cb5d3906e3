SELECT
    engagement_id AS activity_id,
    contact_id AS person_id,
    deal_id AS opportunity_id,
    occurred_at,
    user_id,
    kind,
    direction,
    automated,
    outcome,
    _file,
    _line
FROM work
WHERE (contact_id IS NOT NULL OR deal_id IS NOT NULL) AND occurred_at IS NOT NULL
