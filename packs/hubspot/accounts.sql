SELECT
    id AS account_id,
    name,
    lower(trim(domain)) AS domain,
    hs_parent_company_id AS parent_account_id,
    industry,
    numberofemployees AS employees,
    country,
    messy_timestamp(createdate) AS created_at,
    _file,
    _line
FROM company
WHERE any_yes(is_deleted, _fivetran_deleted) = 'false'
