-- Accounts, and those that contacts, deals and leads only name.
SELECT
    replace(id, 'zcrm_', '') AS account_id,
    account_name AS name,
    regexp_replace(lower(website), '^(https?://)?(www[.])?([^/:?#]+).*$', '\3') AS domain,
    replace(coalesce(parent_account_id, attr(parent_account, 'id')), 'zcrm_', '') AS parent_account_id,
    industry,
    CASE WHEN TRY_CAST(employees AS DOUBLE) > 0 THEN split_part(employees, '.', 1) END AS employees,
    billing_country AS country,
    messy_timestamp(created_time) AS created_at,
    _file,
    _line
FROM accounts
UNION ALL
SELECT
    'name-' || upper(trim(name)),
    min(trim(name)),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    min(_file),
    min(_line)
FROM (
    SELECT deal.account_name AS name, deal._file, deal._line
    FROM deals AS deal
    LEFT JOIN account_name AS known ON known.name = lower(trim(deal.account_name))
    WHERE known.id IS NULL AND deal.account_id IS NULL AND attr(deal.account_name, 'id') IS NULL
    UNION ALL
    SELECT contact.account_name, contact._file, contact._line
    FROM contacts AS contact
    LEFT JOIN account_name AS known ON known.name = lower(trim(contact.account_name))
    WHERE known.id IS NULL AND contact.account_id IS NULL AND attr(contact.account_name, 'id') IS NULL
    UNION ALL
    SELECT lead.company, lead._file, lead._line
    FROM lead
    LEFT JOIN account_name AS known ON known.name = lower(trim(lead.company))
    WHERE known.id IS NULL AND lead.account_id IS NULL AND lead.contact_id IS NULL
)
WHERE trim(name) <> ''
GROUP BY upper(trim(name))
