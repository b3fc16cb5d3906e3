-- The contact of a deal is its primary contact.
SELECT
    "Deal" AS opportunity_id,
    "Contact ID" AS person_id,
    true AS is_primary,
    _file,
    _line
FROM deals
WHERE "Contact ID" IS NOT NULL
