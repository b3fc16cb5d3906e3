SELECT
    id AS account_id,
    name,
    regexp_replace(lower("domainNamePrimaryLinkUrl"), '^(https?://)?(www[.])?([^/:?#]+).*$', '\3') AS domain,
    "employees" AS employees,
    "addressAddressCountry" AS country,
    messy_timestamp("createdAt") AS created_at,
    _file,
    _line
FROM company
WHERE "deletedAt" IS NULL
