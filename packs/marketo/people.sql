-- Leads whose person is not one of the CRM.
SELECT
    p.person_id,
    lower(trim(l.email)) AS email,
    nullif(trim(concat(coalesce(l.first_name, ''), ' ', coalesce(l.last_name, ''))), '') AS name,
    l.title,
    l.phone,
    l.country,
    l.began_at AS created_at,
    coalesce(l.lead_source, l.original_source_type) AS lead_source,
    CASE WHEN l.acquisition_program_id IS NOT NULL THEN concat('marketo/', l.acquisition_program_id) END AS campaign_id,
    CASE any_yes(l.unsubscribed) WHEN 'true' THEN 'opted out' END AS consent,
    l.company,
    l.lead_status,
    l.lead_score,
    l.sfdc_lead_id,
    l.sfdc_contact_id,
    l._file,
    l._line
FROM leads AS l
JOIN person AS p ON p.id = l.id
WHERE l.crm_id IS NULL
