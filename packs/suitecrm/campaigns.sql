SELECT
    id AS campaign_id,
    name,
    coalesce(setting('channels', campaign_type), lower(campaign_type)) AS channel,
    campaign_type AS kind,
    messy_date(start_date) AS started_on,
    messy_date(end_date) AS ended_on,
    budget,
    _file,
    _line
FROM campaigns
WHERE any_yes(deleted) = 'false'
