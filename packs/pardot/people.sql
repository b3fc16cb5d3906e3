SELECT
    p.person_id,
    lower(trim(r.email)) AS email,
    nullif(trim(concat(coalesce(r.first_name, ''), ' ', coalesce(r.last_name, ''))), '') AS name,
    r.job_title AS title,
    r.phone,
    r.country,
    messy_timestamp(r.created_at) AS created_at,
    r.source AS lead_source,
    CASE WHEN r.campaign_id IS NOT NULL THEN concat('pardot/', r.campaign_id) END AS campaign_id,
    coalesce(r.crm_owner_fid, r.user_id) AS owner_id,
    CASE any_yes(r.opted_out, r.is_do_not_email) WHEN 'true' THEN 'opted out' END AS consent,
    r.company,
    r.industry AS lead_industry,
    r.territory,
    r.score,
    r.grade,
    r.crm_lead_fid,
    r.crm_contact_fid,
    r._file,
    r._line
FROM prospects AS r
JOIN person AS p ON p.id = r.id
WHERE r.crm_id IS NULL
