-- Calls, meetings, and tasks that were done. Who is a lead or a contact; what is a deal, or a lead.
WITH event AS (
    SELECT
        'call' AS kind,
        replace(id, 'zcrm_', '') AS id,
        messy_timestamp(call_start_time) AS occurred_at,
        CASE WHEN lower(call_type) IN ('inbound', 'missed') THEN 'inbound' ELSE 'outbound' END AS direction,
        CASE WHEN lower(call_type) = 'missed' THEN 'missed' END AS outcome,
        replace(coalesce(who_id, attr(who, 'id')), 'zcrm_', '') AS who_id,
        replace(coalesce(what_id, attr(what, 'id')), 'zcrm_', '') AS what_id,
        replace(coalesce(owner_id, attr(owner, 'id'), owner), 'zcrm_', '') AS user_id,
        _file,
        _line
    FROM calls
    WHERE lower(coalesce(call_status, 'completed')) NOT IN ('scheduled', 'overdue', 'cancelled')
    UNION ALL
    SELECT
        'meeting',
        replace(id, 'zcrm_', ''),
        messy_timestamp(start_time),
        'outbound',
        CAST(NULL AS VARCHAR),
        replace(coalesce(who_id, attr(who, 'id')), 'zcrm_', ''),
        replace(coalesce(what_id, attr(what, 'id')), 'zcrm_', ''),
        replace(coalesce(owner_id, attr(owner, 'id'), owner), 'zcrm_', ''),
        _file,
        _line
    FROM events
    UNION ALL
    SELECT
        CASE WHEN lower(subject) LIKE '%call%' THEN 'call' WHEN lower(subject) LIKE '%mail%' THEN 'email' ELSE 'task' END,
        replace(id, 'zcrm_', ''),
        coalesce(messy_timestamp(closed_time), messy_timestamp(modified_time)),
        'outbound',
        CAST(NULL AS VARCHAR),
        replace(coalesce(who_id, attr(who, 'id')), 'zcrm_', ''),
        replace(coalesce(what_id, attr(what, 'id')), 'zcrm_', ''),
        replace(coalesce(owner_id, attr(owner, 'id'), owner), 'zcrm_', ''),
        _file,
        _line
    FROM tasks
    WHERE lower(status) = 'completed'
)
SELECT
    event.id AS activity_id,
    coalesce(event.who_id, lead.id) AS person_id,
    deal.id AS opportunity_id,
    event.occurred_at,
    event.user_id,
    event.kind,
    event.direction,
    event.outcome,
    event._file,
    event._line
FROM event
LEFT JOIN deal ON deal.id = event.what_id
LEFT JOIN lead ON lead.id = event.what_id
WHERE coalesce(event.who_id, lead.id, deal.id) IS NOT NULL
