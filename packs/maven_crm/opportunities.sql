-- An opportunity begins when an agent engages. Before that (Prospecting) the source has no date, so those rows are
-- left out; pack.toml counts them.
SELECT
    deal.opportunity_id,
    deal.account AS account_id,
    'new_business' AS kind,
    deal.product_line,
    agent.regional_office AS territory,
    deal.sales_agent AS owner_id,
    messy_timestamp(deal.engage_date) AS created_at,
    CASE deal.deal_stage
        WHEN 'Won' THEN messy_money(deal.close_value)
        ELSE messy_money(product.sales_price)
    END AS amount,
    'USD' AS currency,
    deal._file,
    deal._line
FROM (
    SELECT *, CASE product WHEN 'GTXPro' THEN 'GTX Pro' ELSE product END AS product_line
    FROM sales_pipeline
    WHERE engage_date IS NOT NULL
) AS deal
LEFT JOIN products AS product ON product.product = deal.product_line
LEFT JOIN sales_teams AS agent ON agent.sales_agent = deal.sales_agent
