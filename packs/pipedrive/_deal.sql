-- Deals with the names of their stages, and the people and organisations they belong to.
SELECT
    deal.id,
    deal.title,
    lower(deal.status) AS status,
    messy_timestamp(deal.add_time) AS add_time,
    messy_timestamp(deal.stage_change_time) AS stage_change_time,
    messy_timestamp(deal.won_time) AS won_time,
    coalesce(messy_timestamp(deal.lost_time), CASE WHEN lower(deal.status) = 'lost' THEN messy_timestamp(deal.close_time) END) AS lost_time,
    deal.value,
    deal.currency,
    deal.lost_reason,
    deal.expected_close_date,
    deal.channel,
    coalesce(stage.name, deal.stage, deal.stage_id) AS stage,
    coalesce(pipeline.name, deal.pipeline) AS pipeline,
    coalesce(deal.owner_id, deal.owner) AS owner_id,
    coalesce(deal.person_id, named.id) AS person_id,
    coalesce(deal.org_id, org.id, 'name-' || upper(nullif(trim(deal.org), ''))) AS account_id,
    deal._file,
    deal._line
FROM deals AS deal
LEFT JOIN stages AS stage ON stage.id = deal.stage_id
LEFT JOIN pipelines AS pipeline ON pipeline.id = coalesce(stage.pipeline_id, deal.pipeline_id)
LEFT JOIN person AS named ON named.is_only AND lower(trim(named.name)) = lower(trim(deal.person))
LEFT JOIN (
    SELECT lower(trim(name)) AS name, min(id) AS id FROM organizations GROUP BY lower(trim(name)) HAVING count(*) = 1
) AS org ON org.name = lower(trim(deal.org))
WHERE lower(deal.status) <> 'deleted' AND coalesce(messy_flag(deal.is_deleted), 'false') <> 'true'
