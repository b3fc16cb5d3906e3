-- When each contact came to which stage of the life cycle: from property history, else from the dates of first entry.
WITH known AS (
    SELECT 1 AS rank, contact_id, coalesce(setting('lifecycle', value), value) AS stage, messy_timestamp("timestamp") AS changed_at, source_id AS changed_by, _file, _line
    FROM contact_property_history
    WHERE name = 'lifecyclestage'
    UNION ALL
    SELECT 2, id, coalesce(setting('lifecycle', lower(name)), name), messy_timestamp(value), CAST(NULL AS varchar), _file, _line
    FROM contact_stage_date
), best AS (
    SELECT contact_id, min(rank) AS rank FROM known GROUP BY contact_id
), entries AS (
    SELECT k.contact_id, k.stage, k.changed_at, k.changed_by, k._file, k._line
    FROM known AS k
    JOIN best AS b ON b.contact_id = k.contact_id AND b.rank = k.rank
    UNION ALL
    SELECT contact_id, coalesce(setting('lead_status', value), value), messy_timestamp("timestamp"), source_id, _file, _line
    FROM contact_property_history
    WHERE name = 'hs_lead_status'
), ordered AS (
    SELECT e.*, lag(e.stage) OVER (PARTITION BY e.contact_id ORDER BY e.changed_at, e._line) AS before
    FROM entries AS e
    JOIN contacts AS c ON c.id = e.contact_id
    WHERE e.stage <> '' AND e.changed_at IS NOT NULL
)
SELECT contact_id, stage, changed_at, changed_by, _file, _line FROM ordered WHERE before IS DISTINCT FROM stage
