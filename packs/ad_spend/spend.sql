-- One row a campaign, day and currency: hours, devices, networks and placements are added up before millionths are rounded.
SELECT
    campaign_key AS campaign_id,
    platform AS channel,
    spent_on,
    CAST(round(coalesce(sum(amount), 0), 4) AS decimal(30, 4)) AS amount,
    currency,
    sum(impressions) AS impressions,
    sum(clicks) AS clicks,
    platform,
    min(account_id) AS account_id,
    min(account_name) AS account_name,
    min(campaign_name) AS campaign_name,
    min(_file) AS _file,
    min(_line) AS _line
FROM spend_row
WHERE spent_on IS NOT NULL AND (amount IS NOT NULL OR given IS NULL)
GROUP BY campaign_key, platform, spent_on, currency
