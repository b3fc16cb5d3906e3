-- Leads that are there. Their person is the lead or contact of the CRM, if that is in the record, too.
SELECT
    l.*,
    messy_timestamp(l.created_at) AS began_at,
    CASE WHEN any_yes(setting('crm_in_record')) = 'true' THEN coalesce(l.sfdc_lead_id, l.sfdc_contact_id) END AS crm_id
FROM lead AS l
LEFT JOIN gone AS g ON g.id = l.id
WHERE any_yes(l._fivetran_deleted) = 'false' AND g.id IS NULL
