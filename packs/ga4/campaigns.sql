-- Campaigns of the tags of links, and of reports.
SELECT campaign AS campaign_id, campaign AS name, min(medium) AS channel, min(_file) AS _file, min(_line) AS _line
FROM event
WHERE campaign IS NOT NULL
GROUP BY campaign
UNION ALL
SELECT coalesce(campaign_id, campaign), min(campaign), min(lower(medium)), min(_file), min(_line)
FROM report
WHERE coalesce(campaign_id, campaign) NOT IN ('(direct)', '(organic)', '(not set)', '(referral)')
    AND coalesce(campaign_id, campaign) NOT IN (SELECT DISTINCT campaign FROM event WHERE campaign IS NOT NULL)
GROUP BY coalesce(campaign_id, campaign)
