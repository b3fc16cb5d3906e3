-- Calls and meetings that were held, one a participant, and mails. Without participants the parent counts.
WITH event AS (
    SELECT
        'call' AS kind, id, messy_timestamp(date_start) AS occurred_at, coalesce(assigned_user_id, created_by_id) AS user_id,
        CASE direction WHEN 'Inbound' THEN 'inbound' ELSE 'outbound' END AS direction, parent_type, parent_id, _file, _line
    FROM calls
    WHERE status = 'Held' AND any_yes(deleted) = 'false'
    UNION ALL
    SELECT
        'meeting', id, messy_timestamp(date_start), coalesce(assigned_user_id, created_by_id), 'outbound', parent_type, parent_id, _file, _line
    FROM meeting
    WHERE status = 'Held' AND any_yes(deleted) = 'false'
),
participant AS (
    SELECT 'call' AS kind, call_id AS id, contact_id AS person_id FROM call_contact WHERE any_yes(deleted) = 'false'
    UNION
    SELECT 'call', call_id, lead_id FROM call_lead WHERE any_yes(deleted) = 'false'
    UNION
    SELECT 'meeting', meeting_id, contact_id FROM contact_meeting WHERE any_yes(deleted) = 'false'
    UNION
    SELECT 'meeting', meeting_id, lead_id FROM lead_meeting WHERE any_yes(deleted) = 'false'
),
correspondent AS (
    -- One person an address: of a lead and its contact the lead, which is the older row.
    SELECT email_address_id, entity_id
    FROM (
        SELECT
            email_address_id,
            entity_id,
            row_number() OVER (PARTITION BY email_address_id ORDER BY entity_type DESC, entity_id) AS turn
        FROM entity_email_address
        WHERE entity_type IN ('Lead', 'Contact') AND any_yes(deleted) = 'false'
    )
    WHERE turn = 1
),
mailed AS (
    SELECT address.email_id, who.entity_id AS person_id, max(address.address_type = 'from') AS from_them
    FROM email_email_address AS address
    JOIN correspondent AS who ON who.email_address_id = address.email_address_id
    WHERE address.address_type IN ('from', 'to') AND any_yes(address.deleted) = 'false'
    GROUP BY address.email_id, who.entity_id
)
SELECT
    event.kind || '-' || event.id || coalesce('-' || participant.person_id, '') AS activity_id,
    coalesce(participant.person_id, CASE WHEN event.parent_type IN ('Lead', 'Contact') THEN event.parent_id END) AS person_id,
    CASE WHEN event.parent_type = 'Opportunity' THEN event.parent_id END AS opportunity_id,
    event.occurred_at,
    event.user_id,
    event.kind,
    event.direction,
    event._file,
    event._line
FROM event
LEFT JOIN participant ON participant.kind = event.kind AND participant.id = event.id
WHERE participant.person_id IS NOT NULL OR event.parent_type IN ('Lead', 'Contact', 'Opportunity')
UNION ALL
SELECT
    'email-' || email.id || coalesce('-' || mailed.person_id, ''),
    coalesce(mailed.person_id, CASE WHEN email.parent_type IN ('Lead', 'Contact') THEN email.parent_id END),
    CASE WHEN email.parent_type = 'Opportunity' THEN email.parent_id END,
    messy_timestamp(email.date_sent),
    coalesce(email.sent_by_id, email.created_by_id),
    'email',
    CASE WHEN mailed.from_them THEN 'inbound' ELSE 'outbound' END,
    email._file,
    email._line
FROM email
LEFT JOIN mailed ON mailed.email_id = email.id
WHERE email.status IN ('Sent', 'Archived')
    AND messy_timestamp(email.date_sent) IS NOT NULL
    AND any_yes(email.deleted) = 'false'
    AND (mailed.person_id IS NOT NULL OR email.parent_type IN ('Lead', 'Contact', 'Opportunity'))
