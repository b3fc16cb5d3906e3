-- Companies, and companies that a contact only names.
SELECT
    'company-' || id AS account_id,
    companyname AS name,
    regexp_replace(lower(companywebsite), '^(https?://)?(www[.])?([^/:?#]+).*$', '\3') AS domain,
    companyindustry AS industry,
    CASE WHEN regexp_like(trim(companynumber_of_employees), '^[0-9]+([.]0+)?$') THEN split_part(trim(companynumber_of_employees), '.', 1) END AS employees,
    companycountry AS country,
    messy_timestamp(date_added) AS created_at,
    _file,
    _line
FROM companies
UNION ALL
SELECT
    'name-' || upper(trim(contact.company)),
    min(trim(contact.company)),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    min(contact._file),
    min(contact._line)
FROM leads AS contact
LEFT JOIN companies_leads AS link ON link.lead_id = contact.id
WHERE link.lead_id IS NULL
    AND trim(contact.company) <> ''
    AND (contact.email IS NOT NULL OR messy_timestamp(contact.date_identified) IS NOT NULL)
GROUP BY upper(trim(contact.company))
