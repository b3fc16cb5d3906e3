-- One row a deal.
SELECT
    "Deal" AS opportunity_id,
    upper(trim("Company")) AS account_id,
    'new_business' AS kind,
    "Owner" AS owner_id,
    messy_timestamp("Opened") AS created_at,
    messy_money("Amount") AS amount,
    'EUR' AS currency,
    "Lost because" AS loss_reason,
    _file,
    _line
FROM deals
