-- The names that the tags of links gave to campaigns.
SELECT campaign AS campaign_id, campaign AS name, min(medium) AS channel, min(source) AS source, min(_file) AS _file, min(_line) AS _line
FROM message
WHERE campaign IS NOT NULL
GROUP BY campaign
