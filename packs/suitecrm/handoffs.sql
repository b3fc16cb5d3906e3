-- A lead is handed over when it first gets a user: by the audited change from none, else at its creation. The first
-- status that accepts or rejects decides.
WITH given AS (
    SELECT parent_id AS lead_id, messy_timestamp(date_created) AS passed_at, after_value_string AS user_id, created_by AS passed_by, before_value_string AS before
    FROM (
        SELECT *, row_number() OVER (PARTITION BY parent_id ORDER BY messy_timestamp(date_created), id) AS turn
        FROM leads_audit
        WHERE field_name = 'assigned_user_id'
    )
    WHERE turn = 1
),
decided AS (
    SELECT parent_id AS lead_id, messy_timestamp(date_created) AS decided_at, after_value_string AS word, created_by AS decided_by
    FROM (
        SELECT *, row_number() OVER (PARTITION BY parent_id ORDER BY messy_timestamp(date_created), id) AS turn
        FROM leads_audit
        WHERE field_name = 'status' AND (setting('accepted', after_value_string) = 'true' OR setting('rejected', after_value_string) = 'true')
    )
    WHERE turn = 1
)
SELECT
    'lead-' || lead.id AS handoff_id,
    lead.id AS person_id,
    CASE WHEN given.before IS NULL AND given.passed_at IS NOT NULL THEN given.passed_at ELSE messy_timestamp(lead.date_entered) END AS passed_at,
    CASE WHEN given.before IS NULL THEN coalesce(given.passed_by, lead.created_by) ELSE lead.created_by END AS passed_by,
    coalesce(given.before, given.user_id, lead.assigned_user_id) AS assigned_to,
    CASE
        WHEN setting('accepted', coalesce(decided.word, lead.status)) = 'true' THEN 'accepted'
        WHEN setting('rejected', coalesce(decided.word, lead.status)) = 'true' THEN 'rejected'
        ELSE 'pending'
    END AS decision,
    decided.decided_at,
    decided.decided_by,
    CASE WHEN setting('accepted', coalesce(decided.word, lead.status)) = 'true' THEN messy_money(lead.opportunity_amount) END AS value,
    CASE WHEN lead.opportunity_amount IS NOT NULL THEN setting('base_currency') END AS currency,
    lead._file,
    lead._line
FROM leads AS lead
LEFT JOIN given ON given.lead_id = lead.id
LEFT JOIN decided ON decided.lead_id = lead.id
WHERE any_yes(lead.deleted) = 'false'
    AND setting('handoffs') = 'assignment'
    AND coalesce(given.before, given.user_id, lead.assigned_user_id) IS NOT NULL
