SELECT
    id AS opportunity_id,
    account_id,
    deal_name AS name,
    coalesce(setting('kinds', type), lower(replace(nullif(type, '-None-'), ' ', '_'))) AS kind,
    owner_id,
    created_at,
    messy_money(amount) AS amount,
    currency,
    messy_date(closing_date) AS expected_close_on,
    campaign_id,
    nullif(lead_source, '-None-') AS lead_source,
    nullif(reason_for_loss, '-None-') AS loss_reason,
    _file,
    _line
FROM deal
