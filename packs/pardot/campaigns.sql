SELECT concat('pardot/', id) AS campaign_id, name, cost, _file, _line
FROM campaign
WHERE any_yes(_fivetran_deleted) = 'false'
