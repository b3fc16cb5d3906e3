-- What ads cost by day and campaign; finer rows, such as those of ad groups, are added up. A cost that cannot be read is
-- passed on as it is, so that the import shows it.
WITH line AS (
    SELECT
        CASE WHEN coalesce(campaign_id, campaign) NOT IN ('(direct)', '(organic)', '(not set)', '(referral)') THEN coalesce(campaign_id, campaign) END AS campaign_id,
        lower(coalesce(source, 'google')) AS channel,
        messy_date(date) AS spent_on,
        messy_money(cost) AS amount,
        coalesce(currency, setting('currency')) AS currency,
        split_part(impressions, '.', 1) AS impressions,
        split_part(clicks, '.', 1) AS clicks,
        _file,
        _line
    FROM report
)
SELECT
    campaign_id,
    channel,
    spent_on,
    CAST(sum(TRY_CAST(amount AS DECIMAL(20, 4))) AS VARCHAR) AS amount,
    currency,
    CAST(sum(TRY_CAST(impressions AS BIGINT)) AS VARCHAR) AS impressions,
    CAST(sum(TRY_CAST(clicks AS BIGINT)) AS VARCHAR) AS clicks,
    min(_file) AS _file,
    min(_line) AS _line
FROM line
WHERE TRY_CAST(amount AS DECIMAL(20, 4)) <> 0
GROUP BY campaign_id, channel, spent_on, currency
UNION ALL
SELECT campaign_id, channel, spent_on, amount, currency, impressions, clicks, _file, _line
FROM line
WHERE amount IS NOT NULL AND TRY_CAST(amount AS DECIMAL(20, 4)) IS NULL
