-- One row a contact. Names of columns keep the spelling of the file, so they stand in double quotes.
SELECT
    "Contact ID" AS person_id,
    upper(trim("Company")) AS account_id,
    lower(trim("E-Mail")) AS email,
    "Name" AS name,
    "Country" AS country,
    CASE WHEN "Source" IN ('Select', 'NULL') THEN NULL ELSE "Source" END AS lead_source,
    messy_timestamp("Created") AS created_at,
    _file,
    _line
FROM contacts
WHERE "Source" IS NULL OR lower("Source") <> 'test'
