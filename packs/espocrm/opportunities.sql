SELECT
    id AS opportunity_id,
    account_id,
    name,
    assigned_user_id AS owner_id,
    messy_timestamp(created_at) AS created_at,
    amount,
    amount_currency AS currency,
    messy_date(close_date) AS expected_close_on,
    campaign_id,
    lead_source,
    _file,
    _line
FROM opportunity
WHERE any_yes(deleted) = 'false'
