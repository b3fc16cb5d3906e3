-- One row a person. Several leads of one contact are one person, created with the first of them.
SELECT
    lead.person_id,
    lead.account_id,
    lead.email,
    lead.contact_name AS name,
    lead.title,
    lead.phone,
    country.code AS country,
    lead.created_at,
    lead.source AS lead_source,
    lead.campaign_id,
    lead.user_id AS owner_id,
    lead._file,
    lead._line
FROM (
    SELECT *, row_number() OVER (PARTITION BY person_id ORDER BY created_at, CAST(id AS BIGINT)) AS turn
    FROM lead
    WHERE has_person
) AS lead
LEFT JOIN res_country AS country ON country.id = lead.country_id
WHERE lead.turn = 1
