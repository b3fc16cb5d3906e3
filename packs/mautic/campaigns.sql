-- Campaigns of Mautic, mails sent to a segment, and the names that tagged links gave to campaigns.
SELECT
    'campaign-' || id AS campaign_id,
    name,
    CAST(NULL AS VARCHAR) AS channel,
    'campaign' AS kind,
    messy_date(publish_up) AS started_on,
    messy_date(publish_down) AS ended_on,
    _file,
    _line
FROM campaigns
UNION ALL
SELECT 'email-' || id, name, 'email', coalesce(email_type, 'email'), messy_date(publish_up), CAST(NULL AS VARCHAR), _file, _line
FROM emails
UNION ALL
SELECT utm_campaign AS campaign_id, utm_campaign AS name, min(lower(utm_medium)), 'utm', CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), min(_file), min(_line)
FROM lead_utmtags
WHERE utm_campaign IS NOT NULL
GROUP BY utm_campaign
