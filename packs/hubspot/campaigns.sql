SELECT
    id AS campaign_id,
    coalesce(name, subject) AS name,
    'email' AS channel,
    lower(type) AS kind,
    _file,
    _line
FROM email_campaign
