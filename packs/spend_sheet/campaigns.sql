-- The campaigns that the sheet names.
SELECT
    campaign_id,
    max(campaign) AS name,
    CASE WHEN count(DISTINCT channel) = 1 THEN min(channel) END AS channel,
    max(parent_campaign) AS parent_campaign_id,
    min(messy_date(campaign_start)) AS started_on,
    max(messy_date(campaign_end)) AS ended_on,
    max(account) AS account,
    min(_file) AS _file,
    min(_line) AS _line
FROM line
WHERE campaign_id IS NOT NULL AND NOT is_total
GROUP BY campaign_id
