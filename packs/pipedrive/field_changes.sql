-- Owners and amounts, from the deal flow of loaders that keep them.
SELECT
    'opportunity' AS subject_type,
    flow.item_id AS subject_id,
    CASE WHEN messy_timestamp(flow.log_time) LIKE '%Z' THEN messy_timestamp(flow.log_time) ELSE messy_timestamp(flow.log_time) || 'Z' END AS changed_at,
    CASE flow.field_key WHEN 'value' THEN 'amount' WHEN 'expected_close_date' THEN 'expected_close_on' ELSE 'owner_id' END AS field,
    flow.old_value,
    flow.new_value,
    flow.user_id AS changed_by,
    CAST(flow.id AS BIGINT) AS seq,
    flow._file,
    flow._line
FROM dealflow AS flow
JOIN deal ON deal.id = flow.item_id
WHERE flow.field_key IN ('user_id', 'owner_id', 'value', 'expected_close_date')
