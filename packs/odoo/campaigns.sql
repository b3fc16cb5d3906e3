SELECT id AS campaign_id, coalesce(attr(title, 'en_US'), title, name) AS name, _file, _line
FROM utm_campaign
