SELECT
    id AS account_id,
    name,
    nullif(regexp_replace(lower(trim(website)), '^(https?://)?(www\.)?([^/:?#]*).*$', '\3'), '') AS domain,
    parent_id AS parent_account_id,
    industry,
    number_of_employees AS employees,
    billing_country AS country,
    messy_timestamp(created_date) AS created_at,
    type AS account_type,
    _file,
    _line
FROM account
WHERE any_yes(is_deleted, _fivetran_deleted) = 'false' AND coalesce(messy_flag(_fivetran_active), 'true') = 'true'
