-- Companies of the address book that a lead or opportunity belongs to, and companies that a lead only names.
SELECT
    'partner-' || company.id AS account_id,
    company.name,
    regexp_replace(lower(company.website), '^(https?://)?(www[.])?([^/:?#]+).*$', '\3') AS domain,
    coalesce(attr(industry.name, 'en_US'), industry.name) AS industry,
    country.code AS country,
    messy_timestamp(company.create_date) AS created_at,
    company._file,
    company._line
FROM (SELECT DISTINCT account_id FROM lead) AS used
JOIN res_partner AS company ON 'partner-' || company.id = used.account_id
LEFT JOIN res_partner_industry AS industry ON industry.id = company.industry_id
LEFT JOIN res_country AS country ON country.id = company.country_id
UNION ALL
SELECT
    account_id,
    min(trim(partner_name)),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    min(created_at),
    min(_file),
    min(_line)
FROM lead
WHERE account_id LIKE 'name-%'
GROUP BY account_id
