-- Every campaign that is named or has spend.
SELECT
    campaign_key AS campaign_id,
    max(name) AS name,
    min(platform) AS channel,
    'paid' AS kind,
    min(account_id) AS account_id
FROM (
    SELECT campaign_key, platform, campaign_name AS name, account_id FROM spend_row WHERE campaign_id IS NOT NULL
    UNION ALL
    SELECT CASE WHEN any_yes(setting('prefix_campaigns')) = 'true' THEN concat(platform, '/', id) ELSE id END, platform, name, account_id
    FROM campaign_now WHERE id IS NOT NULL
)
GROUP BY campaign_key
