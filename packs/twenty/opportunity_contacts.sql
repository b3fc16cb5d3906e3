-- The point of contact is the only contact that Twenty knows.
SELECT deal.id AS opportunity_id, person.id AS person_id, true AS is_primary, deal._file, deal._line
FROM opportunity AS deal
JOIN person ON person.id = deal."pointOfContactId" AND person."deletedAt" IS NULL
WHERE deal."deletedAt" IS NULL
