-- Salesforce says how many units of a currency one unit of the corporate currency buys; the record wants the reverse. A rate
-- holds until the next, and the record looks back a week at most, so there is a row a week, as far as there are opportunities,
-- campaigns and orders. A currency without dated rates has its rate of today, for all of them.
WITH seen AS (
    SELECT min(CAST(day AS DATE)) AS first, max(CAST(day AS DATE)) + INTERVAL '1 day' AS last
    FROM (
        SELECT messy_date(created_date) AS day FROM deals
        UNION ALL
        SELECT messy_date(close_date) FROM deals
        UNION ALL
        SELECT messy_date(start_date) FROM campaign
        UNION ALL
        SELECT messy_date(end_date) FROM campaign
        UNION ALL
        SELECT coalesce(messy_date(activated_date), messy_date(effective_date)) FROM orders
    )
), dated AS (
    SELECT
        iso_code AS currency,
        greatest(CAST(messy_date(start_date) AS DATE), seen.first) AS since,
        least(coalesce(CAST(messy_date(next_start_date) AS DATE), seen.last), seen.last) AS until,
        conversion_rate,
        rate._file,
        rate._line
    FROM dated_conversion_rate AS rate
    CROSS JOIN seen
    WHERE any_yes(is_deleted, _fivetran_deleted) = 'false'
), known AS (
    SELECT * FROM dated
    UNION ALL
    SELECT kind.iso_code, seen.first, seen.last, kind.conversion_rate, kind._file, kind._line
    FROM currency_type AS kind
    CROSS JOIN seen
    LEFT JOIN (SELECT DISTINCT currency FROM dated) AS other ON other.currency = kind.iso_code
    WHERE other.currency IS NULL AND any_yes(kind.is_corporate, kind._fivetran_deleted) = 'false'
)
SELECT
    known.currency,
    CAST(unnest(range(known.since, known.until, INTERVAL '7 days')) AS VARCHAR) AS "on",
    CAST(CAST(1 / CAST(known.conversion_rate AS DOUBLE) AS DECIMAL(20, 10)) AS VARCHAR) AS rate,
    known._file,
    known._line
FROM known
LEFT JOIN currency_type AS own ON own.iso_code = known.currency AND any_yes(own.is_corporate) = 'true'
WHERE own.iso_code IS NULL AND CAST(known.conversion_rate AS DOUBLE) > 0 AND known.since < known.until
