WITH buyer AS (
    SELECT opportunity_id, account_id
    FROM (
        SELECT
            opportunity_id,
            account_id,
            row_number() OVER (PARTITION BY opportunity_id ORDER BY messy_timestamp(date_modified) DESC, account_id) AS turn
        FROM accounts_opportunities
        WHERE any_yes(deleted) = 'false'
    )
    WHERE turn = 1
)
SELECT
    deal.id AS opportunity_id,
    buyer.account_id,
    deal.name,
    coalesce(setting('kinds', deal.opportunity_type), lower(replace(deal.opportunity_type, ' ', '_'))) AS kind,
    deal.assigned_user_id AS owner_id,
    messy_timestamp(deal.date_entered) AS created_at,
    deal.amount,
    coalesce(currency.iso4217, setting('base_currency')) AS currency,
    messy_date(deal.date_closed) AS expected_close_on,
    deal.campaign_id,
    deal.lead_source,
    deal._file,
    deal._line
FROM opportunities AS deal
LEFT JOIN buyer ON buyer.opportunity_id = deal.id
LEFT JOIN currencies AS currency ON currency.id = deal.currency_id
WHERE any_yes(deal.deleted) = 'false'
