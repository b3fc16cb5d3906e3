SELECT
    id AS campaign_id,
    name,
    coalesce(setting('campaign_channel', type), type) AS channel,
    type AS kind,
    parent_id AS parent_campaign_id,
    messy_date(start_date) AS started_on,
    messy_date(end_date) AS ended_on,
    _file,
    _line
FROM campaign
WHERE any_yes(is_deleted, _fivetran_deleted) = 'false' AND coalesce(messy_flag(_fivetran_active), 'true') = 'true'
