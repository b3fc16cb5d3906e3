SELECT
    replace(id, 'zcrm_', '') AS campaign_id,
    campaign_name AS name,
    lower(nullif(type, '-None-')) AS channel,
    nullif(type, '-None-') AS kind,
    messy_date(start_date) AS started_on,
    messy_date(end_date) AS ended_on,
    messy_money(budgeted_cost) AS budget,
    _file,
    _line
FROM campaigns
