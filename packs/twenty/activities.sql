-- Mails, meetings and tasks that were done. A mail or meeting with several people is one activity for each of them.
WITH done AS (
    SELECT "linkedRecordId" AS task_id, min(messy_timestamp("happensAt")) AS done_at
    FROM timeline_activity
    WHERE upper(attr(attr(attr(properties, 'diff'), 'status'), 'after')) = 'DONE'
    GROUP BY "linkedRecordId"
),
sender AS (
    SELECT "messageId" AS message_id, min("workspaceMemberId") AS member_id
    FROM message_participant
    WHERE lower(role) = 'from'
    GROUP BY "messageId"
),
colleague AS (
    SELECT "messageId" AS message_id, min("workspaceMemberId") AS member_id FROM message_participant GROUP BY "messageId"
),
host AS (
    SELECT "calendarEventId" AS event_id, min("workspaceMemberId") AS member_id
    FROM calendar_event_participant
    GROUP BY "calendarEventId"
)
SELECT
    'message-' || message.id || '-' || who."personId" AS activity_id,
    who."personId" AS person_id,
    CAST(NULL AS VARCHAR) AS opportunity_id,
    messy_timestamp(message."receivedAt") AS occurred_at,
    coalesce(sender.member_id, colleague.member_id) AS user_id,
    'email' AS kind,
    CASE WHEN sender.member_id IS NULL THEN 'inbound' ELSE 'outbound' END AS direction,
    message._file,
    message._line
FROM message
JOIN (
    SELECT DISTINCT "messageId", "personId" FROM message_participant WHERE "personId" IS NOT NULL
) AS who ON who."messageId" = message.id
LEFT JOIN sender ON sender.message_id = message.id
LEFT JOIN colleague ON colleague.message_id = message.id
WHERE message."deletedAt" IS NULL
UNION ALL
SELECT
    'event-' || event.id || '-' || who."personId",
    who."personId",
    CAST(NULL AS VARCHAR),
    messy_timestamp(event."startsAt"),
    host.member_id,
    'meeting',
    'outbound',
    event._file,
    event._line
FROM calendar_event AS event
JOIN (
    SELECT DISTINCT "calendarEventId", "personId" FROM calendar_event_participant WHERE "personId" IS NOT NULL
) AS who ON who."calendarEventId" = event.id
LEFT JOIN host ON host.event_id = event.id
WHERE event."deletedAt" IS NULL AND any_yes(event."isCanceled") = 'false'
UNION ALL
SELECT
    'task-' || target.id,
    target."targetPersonId",
    target."targetOpportunityId",
    coalesce(done.done_at, messy_timestamp(task."updatedAt")),
    task."assigneeId",
    CASE
        WHEN lower(task.title) LIKE '%call%' THEN 'call'
        WHEN lower(task.title) LIKE '%mail%' THEN 'email'
        WHEN lower(task.title) LIKE '%meeting%' THEN 'meeting'
        ELSE 'task'
    END,
    'outbound',
    task._file,
    task._line
FROM task
JOIN task_target AS target ON target."taskId" = task.id AND target."deletedAt" IS NULL
LEFT JOIN done ON done.task_id = task.id
WHERE task."deletedAt" IS NULL
    AND upper(task.status) = 'DONE'
    AND coalesce(target."targetPersonId", target."targetOpportunityId") IS NOT NULL
