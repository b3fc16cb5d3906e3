SELECT
    concat('marketo/', id) AS campaign_id,
    name,
    channel,
    lower(type) AS kind,
    messy_date(start_date) AS started_on,
    messy_date(end_date) AS ended_on,
    _file,
    _line
FROM program
WHERE any_yes(_fivetran_deleted) = 'false'
