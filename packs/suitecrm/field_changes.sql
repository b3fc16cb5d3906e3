-- Owners, amounts and closing days, from the audit tables.
WITH change AS (
    SELECT 'person' AS subject_type, audit.*
    FROM leads_audit AS audit
    JOIN leads AS lead ON lead.id = audit.parent_id AND any_yes(lead.deleted) = 'false'
    WHERE audit.field_name = 'assigned_user_id'
    UNION ALL
    SELECT 'opportunity', audit.*
    FROM opportunities_audit AS audit
    JOIN opportunities AS deal ON deal.id = audit.parent_id AND any_yes(deal.deleted) = 'false'
    WHERE audit.field_name IN ('assigned_user_id', 'amount', 'date_closed')
)
SELECT
    subject_type,
    parent_id AS subject_id,
    messy_timestamp(date_created) AS changed_at,
    CASE field_name WHEN 'assigned_user_id' THEN 'owner_id' WHEN 'date_closed' THEN 'expected_close_on' ELSE 'amount' END AS field,
    CASE field_name WHEN 'amount' THEN messy_money(before_value_string) WHEN 'date_closed' THEN messy_date(before_value_string) ELSE before_value_string END AS old_value,
    CASE field_name WHEN 'amount' THEN messy_money(after_value_string) WHEN 'date_closed' THEN messy_date(after_value_string) ELSE after_value_string END AS new_value,
    created_by AS changed_by,
    row_number() OVER (PARTITION BY subject_type, parent_id, field_name ORDER BY messy_timestamp(date_created), id) AS seq,
    _file,
    _line
FROM change
