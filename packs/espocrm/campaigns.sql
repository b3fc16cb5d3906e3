SELECT
    id AS campaign_id,
    name,
    CASE WHEN type IN ('Email', 'Newsletter', 'Informational Email') THEN 'email' ELSE lower(type) END AS channel,
    type AS kind,
    messy_date(start_date) AS started_on,
    messy_date(end_date) AS ended_on,
    budget,
    _file,
    _line
FROM campaign
WHERE any_yes(deleted) = 'false'
