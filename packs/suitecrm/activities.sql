-- Calls and meetings that were held, one a participant, tasks that were done, and mails. Without participants the
-- parent counts. Mails of campaigns are automated.
WITH event AS (
    SELECT
        'call' AS kind, id, messy_timestamp(date_start) AS occurred_at, assigned_user_id AS user_id,
        lower(coalesce(direction, 'outbound')) AS direction, parent_type, parent_id, _file, _line
    FROM calls
    WHERE status = 'Held' AND any_yes(deleted) = 'false'
    UNION ALL
    SELECT 'meeting', id, messy_timestamp(date_start), assigned_user_id, 'outbound', parent_type, parent_id, _file, _line
    FROM meetings
    WHERE status = 'Held' AND any_yes(deleted) = 'false'
    UNION ALL
    SELECT 'task', id, messy_timestamp(date_modified), assigned_user_id, 'outbound', parent_type, parent_id, _file, _line
    FROM tasks
    WHERE status = 'Completed' AND any_yes(deleted) = 'false'
    UNION ALL
    SELECT
        CASE type WHEN 'campaign' THEN 'campaign_email' ELSE 'email' END, id, messy_timestamp(date_sent_received), assigned_user_id,
        CASE type WHEN 'inbound' THEN 'inbound' ELSE 'outbound' END, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), _file, _line
    FROM emails
    WHERE type <> 'draft' AND messy_timestamp(date_sent_received) IS NOT NULL AND any_yes(deleted) = 'false'
),
person AS (
    SELECT 'call' AS kind, call_id AS id, contact_id AS person_id FROM calls_contacts WHERE any_yes(deleted) = 'false'
    UNION
    SELECT 'call', call_id, lead_id FROM calls_leads WHERE any_yes(deleted) = 'false'
    UNION
    SELECT 'meeting', meeting_id, contact_id FROM meetings_contacts WHERE any_yes(deleted) = 'false'
    UNION
    SELECT 'meeting', meeting_id, lead_id FROM meetings_leads WHERE any_yes(deleted) = 'false'
    UNION
    SELECT 'task', id, contact_id FROM tasks WHERE contact_id IS NOT NULL
    UNION
    SELECT 'email', email_id, bean_id FROM emails_beans WHERE bean_module IN ('Leads', 'Contacts') AND any_yes(deleted) = 'false'
),
deal AS (
    SELECT email_id AS id, min(bean_id) AS opportunity_id
    FROM emails_beans
    WHERE bean_module = 'Opportunities' AND any_yes(deleted) = 'false'
    GROUP BY email_id
)
SELECT
    replace(event.kind, 'campaign_', '') || '-' || event.id || coalesce('-' || person.person_id, '') AS activity_id,
    coalesce(person.person_id, CASE WHEN event.parent_type IN ('Leads', 'Contacts') THEN event.parent_id END) AS person_id,
    coalesce(CASE WHEN event.parent_type = 'Opportunities' THEN event.parent_id END, deal.opportunity_id) AS opportunity_id,
    event.occurred_at,
    event.user_id,
    replace(event.kind, 'campaign_', '') AS kind,
    event.direction,
    event.kind = 'campaign_email' AS automated,
    event._file,
    event._line
FROM event
LEFT JOIN person ON person.kind = replace(event.kind, 'campaign_', '') AND person.id = event.id
LEFT JOIN deal ON event.kind LIKE '%email' AND deal.id = event.id
WHERE person.person_id IS NOT NULL OR event.parent_type IN ('Leads', 'Contacts', 'Opportunities') OR deal.opportunity_id IS NOT NULL
