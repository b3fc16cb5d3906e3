-- The person of every lead and contact, by its id in Salesforce.
SELECT id, id AS person_id FROM leads
UNION ALL
SELECT c.id, coalesce(v.lead_id, c.id) AS person_id
FROM contacts AS c
LEFT JOIN conversion AS v ON v.contact_id = c.id
