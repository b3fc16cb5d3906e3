-- The sheet spells a company in several ways; without case and outer blanks it is one account.
SELECT
    upper(trim("Company")) AS account_id,
    min(trim("Company")) AS name
FROM (
    SELECT "Company" FROM contacts
    UNION ALL
    SELECT "Company" FROM deals
)
WHERE "Company" IS NOT NULL
GROUP BY upper(trim("Company"))
