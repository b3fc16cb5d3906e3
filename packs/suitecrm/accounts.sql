-- Accounts, and companies that a lead only names.
SELECT
    id AS account_id,
    name,
    regexp_replace(lower(nullif(website, 'http://')), '^(https?://)?(www[.])?([^/:?#]+).*$', '\3') AS domain,
    parent_id AS parent_account_id,
    industry,
    CASE WHEN regexp_like(trim(employees), '^[0-9]+$') THEN trim(employees) END AS employees,
    billing_address_country AS country,
    messy_timestamp(date_entered) AS created_at,
    _file,
    _line
FROM accounts
WHERE any_yes(deleted) = 'false'
UNION ALL
SELECT
    'name-' || upper(trim(account_name)),
    min(trim(account_name)),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    min(messy_timestamp(date_entered)),
    min(_file),
    min(_line)
FROM leads
WHERE any_yes(deleted) = 'false' AND account_id IS NULL AND trim(account_name) <> ''
GROUP BY upper(trim(account_name))
