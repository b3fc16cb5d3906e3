-- Accounts are known by their name. Two spelling mistakes of the source are mended.
SELECT
    account AS account_id,
    account AS name,
    subsidiary_of AS parent_account_id,
    CASE sector WHEN 'technolgy' THEN 'technology' ELSE sector END AS industry,
    employees,
    CASE office_location WHEN 'Philipines' THEN 'Philippines' ELSE office_location END AS country,
    year_established,
    revenue AS revenue_in_millions,
    _file,
    _line
FROM accounts
