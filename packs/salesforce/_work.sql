-- What was done: tasks that are completed, events, and mails that are no task. A task of a mail takes its direction from
-- the EmailMessage that belongs to it.
WITH done AS (
    SELECT
        t.id,
        t.who_id,
        t.what_id,
        coalesce(messy_timestamp(t.completed_date_time), messy_timestamp(t.activity_date), messy_timestamp(t.created_date)) AS occurred_at,
        t.owner_id AS user_id,
        CASE
            WHEN lower(t.task_subtype) = 'call' THEN 'call'
            WHEN lower(t.task_subtype) IN ('email', 'listemail') THEN 'email'
            ELSE lower(coalesce(t.type, t.task_subtype, 'task'))
        END AS kind,
        CASE
            WHEN any_yes(m.incoming) = 'true' OR lower(t.call_type) = 'inbound' THEN 'inbound'
            ELSE 'outbound'
        END AS direction,
        CASE
            WHEN lower(t.task_subtype) = 'listemail' OR coalesce(regexp_like(lower(t.subject), lower(setting('automated_subject'))), false)
            THEN 'true' ELSE 'false'
        END AS automated,
        t.call_disposition AS outcome,
        t._file,
        t._line
    FROM task AS t
    LEFT JOIN (
        SELECT activity_id, max(incoming) AS incoming FROM email_message WHERE activity_id IS NOT NULL GROUP BY activity_id
    ) AS m ON m.activity_id = t.id
    WHERE any_yes(t.is_deleted, t._fivetran_deleted) = 'false'
        AND coalesce(messy_flag(t._fivetran_active), 'true') = 'true'
        AND (any_yes(t.is_closed) = 'true' OR coalesce(t.status, '') ILIKE 'completed')
    UNION ALL
    SELECT
        id, who_id, what_id,
        coalesce(messy_timestamp(start_date_time), messy_timestamp(activity_date_time), messy_timestamp(activity_date), messy_timestamp(created_date)),
        owner_id, 'meeting', 'outbound', 'false', CAST(NULL AS varchar), _file, _line
    FROM event
    -- The copy of an invitee and the pattern of a series are no meetings of their own.
    WHERE any_yes(is_deleted, _fivetran_deleted, is_child, is_recurrence) = 'false'
        AND coalesce(messy_flag(_fivetran_active), 'true') = 'true'
    UNION ALL
    SELECT
        m.id, CAST(NULL AS varchar), m.related_to_id, messy_timestamp(m.message_date), m.created_by_id, 'email',
        CASE WHEN any_yes(m.incoming) = 'true' THEN 'inbound' ELSE 'outbound' END,
        'false', CAST(NULL AS varchar), m._file, m._line
    FROM email_message AS m
    LEFT JOIN task AS t ON t.id = m.activity_id
    WHERE t.id IS NULL AND any_yes(m.is_deleted, m._fivetran_deleted) = 'false'
)
SELECT w.*, p.person_id, d.id AS opportunity_id
FROM done AS w
LEFT JOIN person AS p ON p.id = w.who_id
LEFT JOIN deals AS d ON d.id = w.what_id
