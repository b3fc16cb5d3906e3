-- Meetings of the calendar, activities that were done, and mails: what came in by mail, and what was sent to the customer.
WITH done AS (
    SELECT
        message.*,
        activity.id AS type_id,
        lower(coalesce(attr(activity.name, 'en_US'), activity.name)) AS type_name,
        activity.category,
        author.id AS user_id
    FROM mail_message AS message
    LEFT JOIN mail_activity_type AS activity ON activity.id = message.mail_activity_type_id
    LEFT JOIN mail_message_subtype AS subtype ON subtype.id = message.subtype_id
    LEFT JOIN res_users AS author ON author.partner_id = message.author_id
    WHERE message.model = 'crm.lead'
        AND (
            activity.id IS NOT NULL
            OR message.message_type IN ('email', 'email_outgoing')
            OR (message.message_type = 'comment' AND messy_flag(subtype.internal) = 'false')
        )
)
SELECT
    'message-' || done.id AS activity_id,
    lead.person_id,
    CASE lead.type WHEN 'opportunity' THEN lead.id END AS opportunity_id,
    messy_timestamp(done.date) AS occurred_at,
    done.user_id,
    CASE
        WHEN done.type_id IS NULL THEN 'email'
        WHEN done.category = 'phonecall' OR done.type_name LIKE '%call%' THEN 'call'
        WHEN done.category = 'meeting' OR done.type_name LIKE '%meeting%' THEN 'meeting'
        WHEN done.type_name LIKE '%mail%' THEN 'email'
        ELSE done.type_name
    END AS kind,
    CASE WHEN done.type_id IS NULL AND done.user_id IS NULL THEN 'inbound' ELSE 'outbound' END AS direction,
    done._file,
    done._line
FROM done
JOIN lead ON lead.id = done.res_id
UNION ALL
SELECT
    'event-' || event.id,
    lead.person_id,
    CASE lead.type WHEN 'opportunity' THEN lead.id END,
    messy_timestamp(event.start),
    event.user_id,
    'meeting',
    'outbound',
    event._file,
    event._line
FROM calendar_event AS event
JOIN lead ON lead.id = event.opportunity_id
WHERE any_yes(coalesce(event.active, 't')) = 'true'
