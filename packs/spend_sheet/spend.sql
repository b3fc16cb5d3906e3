-- What was spent on a campaign on a day. Rows whose amount or date cannot be read are passed on as they are, so that the
-- import shows them.
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
WHERE is_spent AND NOT is_total AND TRY_CAST(amount AS DECIMAL(20, 4)) <> 0 AND TRY_CAST(spent_on AS DATE) IS NOT NULL
GROUP BY campaign_id, channel, spent_on, currency
UNION ALL
SELECT campaign_id, channel, spent_on, amount, currency, impressions, clicks, _file, _line
FROM line
WHERE is_spent AND NOT is_total
    AND amount IS NOT NULL
    AND (TRY_CAST(amount AS DECIMAL(20, 4)) IS NULL OR (TRY_CAST(spent_on AS DATE) IS NULL AND TRY_CAST(amount AS DECIMAL(20, 4)) <> 0))
