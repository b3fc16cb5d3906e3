SELECT
    id AS person_id,
    associatedcompanyid AS account_id,
    lower(trim(email)) AS email,
    nullif(trim(concat(coalesce(firstname, ''), ' ', coalesce(lastname, ''))), '') AS name,
    jobtitle AS title,
    phone,
    country,
    created_at,
    lower(hs_analytics_source) AS lead_source,
    hubspot_owner_id AS owner_id,
    company,
    hs_latest_source AS latest_source,
    lifecyclestage AS lifecycle_stage,
    hs_lead_status AS lead_status,
    _file,
    _line
FROM contacts
