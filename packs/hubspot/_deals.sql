-- Deals that are there. Taps of the older API give a property as an object with its value inside.
SELECT
    deal_id,
    coalesce(attr(dealname, 'value'), dealname) AS name,
    coalesce(attr(stage_id, 'value'), stage_id) AS stage_id,
    coalesce(attr(owner_id, 'value'), owner_id) AS owner_id,
    coalesce(attr(amount, 'value'), amount) AS amount,
    coalesce(attr(deal_currency_code, 'value'), deal_currency_code) AS currency,
    messy_timestamp(coalesce(attr(createdate, 'value'), createdate)) AS created_at,
    coalesce(attr(closedate, 'value'), closedate) AS closedate,
    coalesce(attr(dealtype, 'value'), dealtype) AS dealtype,
    coalesce(attr(closed_lost_reason, 'value'), closed_lost_reason) AS loss_reason,
    coalesce(attr(hs_analytics_source, 'value'), hs_analytics_source) AS lead_source,
    coalesce(attr(hs_is_closed_won, 'value'), hs_is_closed_won) AS is_won,
    coalesce(attr(hs_is_closed, 'value'), hs_is_closed) AS is_closed,
    _file,
    _line
FROM deal
WHERE any_yes(is_deleted, _fivetran_deleted) = 'false'
