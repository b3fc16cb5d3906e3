-- A lead is handed over when it first gets a user: by the note of its creation or its assignment, else at its creation.
-- The first status that accepts or rejects decides.
WITH given AS (
    SELECT lead_id, passed_at, user_id, passed_by
    FROM (
        SELECT
            parent_id AS lead_id,
            messy_timestamp(created_at) AS passed_at,
            attr(data, 'assignedUserId') AS user_id,
            created_by_id AS passed_by,
            row_number() OVER (PARTITION BY parent_id ORDER BY messy_timestamp(created_at), CAST(coalesce(number, '0') AS BIGINT)) AS turn
        FROM note
        WHERE parent_type = 'Lead' AND type IN ('Create', 'Assign') AND attr(data, 'assignedUserId') IS NOT NULL
    )
    WHERE turn = 1
),
decided AS (
    SELECT lead_id, decided_at, word, decided_by
    FROM (
        SELECT
            *,
            row_number() OVER (PARTITION BY lead_id ORDER BY decided_at, number) AS turn
        FROM (
            SELECT
                parent_id AS lead_id,
                messy_timestamp(created_at) AS decided_at,
                CAST(coalesce(number, '0') AS BIGINT) AS number,
                CASE type WHEN 'Status' THEN attr(data, 'value') ELSE attr(attr(attr(data, 'attributes'), 'became'), 'status') END AS word,
                created_by_id AS decided_by
            FROM note
            WHERE parent_type = 'Lead' AND type IN ('Update', 'Status')
        )
        WHERE setting('accepted', word) = 'true' OR setting('rejected', word) = 'true'
    )
    WHERE turn = 1
)
SELECT
    'lead-' || lead.id AS handoff_id,
    lead.id AS person_id,
    coalesce(given.passed_at, messy_timestamp(lead.created_at)) AS passed_at,
    given.passed_by,
    coalesce(given.user_id, lead.assigned_user_id) AS assigned_to,
    CASE
        WHEN setting('accepted', coalesce(decided.word, lead.status)) = 'true' THEN 'accepted'
        WHEN setting('rejected', coalesce(decided.word, lead.status)) = 'true' THEN 'rejected'
        ELSE 'pending'
    END AS decision,
    coalesce(decided.decided_at, messy_timestamp(lead.converted_at)) AS decided_at,
    decided.decided_by,
    CASE WHEN setting('accepted', coalesce(decided.word, lead.status)) = 'true' THEN lead.opportunity_amount END AS value,
    lead.opportunity_amount_currency AS currency,
    lead._file,
    lead._line
FROM lead
LEFT JOIN given ON given.lead_id = lead.id
LEFT JOIN decided ON decided.lead_id = lead.id
WHERE any_yes(lead.deleted) = 'false'
    AND setting('handoffs') = 'assignment'
    AND coalesce(given.user_id, lead.assigned_user_id) IS NOT NULL
