SELECT
    person.id AS person_id,
    company.id AS account_id,
    lower(trim(person."emailsPrimaryEmail")) AS email,
    nullif(trim(coalesce(person."nameFirstName", '') || ' ' || coalesce(person."nameLastName", '')), '') AS name,
    person."jobTitle" AS title,
    nullif(coalesce(person."phonesPrimaryPhoneCallingCode" || ' ', '') || person."phonesPrimaryPhoneNumber", '') AS phone,
    messy_timestamp(person."createdAt") AS created_at,
    coalesce(company."accountOwnerId", person."createdByWorkspaceMemberId") AS owner_id,
    lower(person."createdBySource") AS created_by,
    person._file,
    person._line
FROM person
LEFT JOIN company ON company.id = person."companyId" AND company."deletedAt" IS NULL
WHERE person."deletedAt" IS NULL
