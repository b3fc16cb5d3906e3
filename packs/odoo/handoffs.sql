-- A lead is handed over when a salesperson is first set: the first tracked change to one, else the day of the
-- assignment. Converting accepts it, losing it before that rejects it.
WITH given AS (
    SELECT *, row_number() OVER (PARTITION BY lead_id ORDER BY changed_at, seq) AS turn
    FROM tracked
    WHERE field = 'user_id'
)
SELECT
    'lead-' || lead.id AS handoff_id,
    lead.person_id,
    coalesce(given.changed_at, lead.assigned_at, lead.created_at) AS passed_at,
    given.changed_by AS passed_by,
    coalesce(given.new_value_integer, lead.user_id) AS assigned_to,
    CASE WHEN lead.converted_at IS NOT NULL THEN 'accepted' WHEN lead.is_lost THEN 'rejected' ELSE 'pending' END AS decision,
    coalesce(lead.converted_at, CASE WHEN lead.is_lost THEN lead.closed_at END) AS decided_at,
    CASE WHEN lead.converted_at IS NULL AND lead.is_lost THEN lead.lost_reason END AS reason,
    CASE WHEN lead.converted_at IS NOT NULL THEN lead.amount END AS value,
    lead.currency,
    lead._file,
    lead._line
FROM lead
LEFT JOIN given ON given.lead_id = lead.id AND given.turn = 1 AND coalesce(given.old_value_integer, '0') = '0'
WHERE setting('handoffs') = 'assignment'
    AND lead.has_person
    AND (lead.type = 'lead' OR lead.converted_at IS NOT NULL)
    AND coalesce(given.new_value_integer, lead.user_id) IS NOT NULL
