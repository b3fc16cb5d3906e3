SELECT
    d.deal_id AS opportunity_id,
    c.company_id AS account_id,
    d.name,
    coalesce(setting('deal_kind', d.dealtype), lower(d.dealtype)) AS kind,
    d.owner_id,
    d.created_at,
    messy_money(d.amount) AS amount,
    coalesce(d.currency, setting('currency')) AS currency,
    messy_date(messy_timestamp(d.closedate)) AS expected_close_on,
    lower(d.lead_source) AS lead_source,
    d.loss_reason,
    d._file,
    d._line
FROM deals AS d
-- Type 5 is the primary company; where none is marked, the first.
LEFT JOIN (
    SELECT deal_id, company_id, row_number() OVER (PARTITION BY deal_id ORDER BY CASE WHEN type_id = '5' THEN 0 ELSE 1 END, company_id) AS place
    FROM deal_company
) AS c ON c.deal_id = d.deal_id AND c.place = 1
