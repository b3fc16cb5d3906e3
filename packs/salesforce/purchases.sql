-- Orders that were activated. One row an account, instant and kind; orders of one day are added up.
SELECT
    account_id,
    coalesce(messy_timestamp(activated_date), messy_timestamp(effective_date)) AS purchased_at,
    CAST(sum(TRY_CAST(messy_money(total_amount) AS decimal(20, 4))) AS varchar) AS amount,
    coalesce(currency_iso_code, setting('currency')) AS currency,
    lower(type) AS kind,
    min(_file) AS _file,
    min(_line) AS _line
FROM orders
WHERE any_yes(is_deleted, _fivetran_deleted, is_reduction_order) = 'false'
    AND coalesce(messy_flag(_fivetran_active), 'true') = 'true'
    AND account_id IS NOT NULL
    AND lower(coalesce(status_code, status)) = 'activated'
    AND coalesce(messy_timestamp(activated_date), messy_timestamp(effective_date)) IS NOT NULL
GROUP BY account_id, 2, 4, 5
