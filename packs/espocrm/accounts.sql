-- Accounts, and companies that a lead only names.
SELECT
    id AS account_id,
    name,
    regexp_replace(lower(website), '^(https?://)?(www[.])?([^/:?#]+).*$', '\3') AS domain,
    industry,
    billing_address_country AS country,
    messy_timestamp(created_at) AS created_at,
    _file,
    _line
FROM account
WHERE any_yes(deleted) = 'false'
UNION ALL
SELECT
    'name-' || upper(trim(account_name)),
    min(trim(account_name)),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    min(messy_timestamp(created_at)),
    min(_file),
    min(_line)
FROM lead
WHERE any_yes(deleted) = 'false' AND created_account_id IS NULL AND trim(account_name) <> ''
GROUP BY upper(trim(account_name))
