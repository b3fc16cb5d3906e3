-- Deals with plain ids, and with the contact that an export only names.
SELECT
    replace(deal.id, 'zcrm_', '') AS id,
    deal.deal_name,
    deal.stage,
    replace(coalesce(deal.owner_id, attr(deal.owner, 'id'), deal.owner), 'zcrm_', '') AS owner_id,
    coalesce(
        replace(coalesce(deal.account_id, attr(deal.account_name, 'id')), 'zcrm_', ''),
        account.id,
        'name-' || upper(nullif(trim(deal.account_name), ''))
    ) AS account_id,
    coalesce(replace(coalesce(deal.contact_id, attr(deal.contact_name, 'id')), 'zcrm_', ''), named.id) AS contact_id,
    deal.amount,
    coalesce(deal.currency, setting('currency')) AS currency,
    deal.closing_date,
    deal.type,
    deal.lead_source,
    replace(coalesce(deal.campaign_id, attr(deal.campaign_source, 'id'), deal.campaign_source), 'zcrm_', '') AS campaign_id,
    deal.reason_for_loss,
    messy_timestamp(deal.created_time) AS created_at,
    messy_timestamp(deal.stage_modified_time) AS stage_modified_at,
    deal._file,
    deal._line
FROM deals AS deal
LEFT JOIN account_name AS account ON account.name = lower(trim(deal.account_name))
LEFT JOIN (
    SELECT lower(name) AS name, min(id) AS id FROM contact GROUP BY lower(name) HAVING count(*) = 1
) AS named ON named.name = lower(trim(deal.contact_name))
