-- Leads and contacts. merges.sql says which of them are the same person.
SELECT
    lead.id AS person_id,
    coalesce(lead.account_id, contact.account_id, known.id, 'name-' || upper(nullif(trim(lead.company), ''))) AS account_id,
    lead.email,
    lead.name,
    lead.title,
    lead.phone,
    lead.country,
    lead.created_at,
    nullif(lead.lead_source, '-None-') AS lead_source,
    lead.owner_id,
    CASE lead.opted_out WHEN 'true' THEN 'opted out' END AS consent,
    lead._file,
    lead._line
FROM lead
LEFT JOIN contact ON contact.id = lead.contact_id
LEFT JOIN account_name AS known ON known.name = lower(trim(lead.company))
UNION ALL
SELECT
    id,
    account_id,
    email,
    name,
    title,
    phone,
    country,
    created_at,
    nullif(lead_source, '-None-'),
    owner_id,
    CASE opted_out WHEN 'true' THEN 'opted out' END,
    _file,
    _line
FROM contact
