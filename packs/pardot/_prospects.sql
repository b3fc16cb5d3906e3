-- Prospects that are there. Their person is the lead or contact of the CRM, if that is in the record, too.
SELECT
    *,
    CASE WHEN any_yes(setting('crm_in_record')) = 'true' THEN coalesce(crm_lead_fid, crm_contact_fid) END AS crm_id
FROM prospect
WHERE any_yes(_fivetran_deleted) = 'false'
