SELECT
    concat('marketo/', t.id) AS touchpoint_id,
    p.person_id,
    messy_timestamp(t.activity_date) AS occurred_at,
    t.channel,
    CASE WHEN c.program_id IS NOT NULL THEN concat('marketo/', c.program_id) END AS campaign_id,
    t.content_id,
    t.kind,
    t.responded,
    t._file,
    t._line
FROM touch AS t
JOIN person AS p ON p.id = t.lead_id
LEFT JOIN smart_campaign AS c ON c.id = t.campaign_id
