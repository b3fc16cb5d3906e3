SELECT
    d.id AS opportunity_id,
    d.account_id,
    d.name,
    coalesce(setting('opportunity_kind', d.type), lower(d.type)) AS kind,
    line.product_line,
    t.name AS territory,
    d.owner_id,
    messy_timestamp(d.created_date) AS created_at,
    messy_money(d.amount) AS amount,
    coalesce(d.currency_iso_code, setting('currency')) AS currency,
    messy_date(d.close_date) AS expected_close_on,
    d.campaign_id,
    d.lead_source,
    d.loss_reason,
    d._file,
    d._line
FROM deals AS d
LEFT JOIN territory AS t ON t.id = d.territory_2_id
LEFT JOIN (
    -- The product line of a deal is that of its largest line.
    SELECT i.opportunity_id, coalesce(p.family, p.name) AS product_line,
        row_number() OVER (PARTITION BY i.opportunity_id ORDER BY TRY_CAST(messy_money(i.total_price) AS double) DESC NULLS LAST, i.id) AS place
    FROM line_item AS i
    JOIN product AS p ON p.id = i.product_2_id
    WHERE any_yes(i.is_deleted, i._fivetran_deleted) = 'false'
) AS line ON line.opportunity_id = d.id AND line.place = 1
