SELECT
    id AS opportunity_id,
    account_id,
    title AS name,
    owner_id,
    add_time AS created_at,
    messy_money(value) AS amount,
    currency,
    messy_date(expected_close_date) AS expected_close_on,
    channel AS lead_source,
    lost_reason AS loss_reason,
    pipeline,
    _file,
    _line
FROM deal
