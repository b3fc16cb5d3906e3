SELECT
    concat('pardot/', id) AS opportunity_id,
    name,
    coalesce(setting('opportunity_kind', type), lower(type)) AS kind,
    began_at AS created_at,
    messy_money(value) AS amount,
    CASE WHEN campaign_id IS NOT NULL THEN concat('pardot/', campaign_id) END AS campaign_id,
    stage AS crm_stage,
    _file,
    _line
FROM deal
