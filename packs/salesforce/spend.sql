-- The cost of a campaign is one number: every day from the first to the last has the same share in cents, and the first day
-- what remains.
WITH cost AS (
    SELECT
        c.*,
        TRY_CAST(messy_date(start_date) AS date) AS first_day,
        TRY_CAST(messy_date(end_date) AS date) AS last_day,
        CAST(round(TRY_CAST(messy_money(actual_cost) AS decimal(20, 4)) * 100) AS bigint) AS cents
    FROM campaign AS c
    WHERE any_yes(is_deleted, _fivetran_deleted) = 'false' AND coalesce(messy_flag(_fivetran_active), 'true') = 'true'
), days AS (
    SELECT *, unnest(generate_series(first_day, last_day, INTERVAL '1 day')) AS day
    FROM cost
    WHERE first_day IS NOT NULL AND last_day IS NOT NULL AND first_day <= last_day AND cents <> 0
), counted AS (
    SELECT *, count(*) OVER (PARTITION BY id) AS n FROM days
)
SELECT
    id AS campaign_id,
    coalesce(setting('campaign_channel', type), type) AS channel,
    CAST(day AS date) AS spent_on,
    CAST(CASE WHEN day = first_day THEN cents - (cents / n) * (n - 1) ELSE cents / n END AS decimal(20, 2)) / 100 AS amount,
    coalesce(currency_iso_code, setting('currency')) AS currency,
    _file,
    _line
FROM counted
