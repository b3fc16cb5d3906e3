-- A campaign has one actual cost; it counts on its first day.
SELECT
    replace(id, 'zcrm_', '') AS campaign_id,
    lower(nullif(type, '-None-')) AS channel,
    coalesce(messy_date(start_date), messy_date(created_time)) AS spent_on,
    messy_money(actual_cost) AS amount,
    coalesce(currency, setting('currency')) AS currency,
    _file,
    _line
FROM campaigns
WHERE setting('spend') = 'actual_cost' AND coalesce(TRY_CAST(messy_money(actual_cost) AS DOUBLE), 1) > 0 AND actual_cost IS NOT NULL
