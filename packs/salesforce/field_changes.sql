-- Owners, and the amounts and close dates of deals as OpportunityHistory has them.
WITH history AS (
    SELECT
        h.*, messy_timestamp(h.created_date) AS changed_at,
        lag(h.amount) OVER (PARTITION BY h.opportunity_id ORDER BY messy_timestamp(h.created_date), h.id) AS old_amount,
        lag(h.close_date) OVER (PARTITION BY h.opportunity_id ORDER BY messy_timestamp(h.created_date), h.id) AS old_date,
        row_number() OVER (PARTITION BY h.opportunity_id ORDER BY messy_timestamp(h.created_date), h.id) AS place
    FROM opportunity_history AS h
    JOIN deals AS d ON d.id = h.opportunity_id
    WHERE any_yes(h.is_deleted, h._fivetran_deleted) = 'false'
)
SELECT subject_type, subject_id, changed_at, 'owner_id' AS field, old_value, new_value, changed_by,
    row_number() OVER (PARTITION BY subject_type, subject_id, changed_at ORDER BY old_value, new_value) AS seq, _file, _line
FROM owner_change
UNION ALL
SELECT 'opportunity', opportunity_id, changed_at, 'amount', messy_money(old_amount), messy_money(amount), created_by_id, place, _file, _line
FROM history
WHERE place > 1 AND messy_money(old_amount) IS DISTINCT FROM messy_money(amount)
UNION ALL
SELECT 'opportunity', opportunity_id, changed_at, 'expected_close_on', messy_date(old_date), messy_date(close_date), created_by_id, place, _file, _line
FROM history
WHERE place > 1 AND messy_date(old_date) IS DISTINCT FROM messy_date(close_date)
