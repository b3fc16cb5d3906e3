-- Leads with plain ids: an export writes zcrm_ before them, the API gives objects.
SELECT
    replace(id, 'zcrm_', '') AS id,
    nullif(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, '')), '') AS name,
    replace(coalesce(owner_id, attr(owner, 'id'), owner), 'zcrm_', '') AS owner_id,
    company,
    title,
    lower(trim(email)) AS email,
    coalesce(phone, mobile) AS phone,
    country,
    lead_source,
    lead_status,
    messy_timestamp(created_time) AS created_at,
    messy_timestamp(modified_time) AS modified_at,
    messy_timestamp(converted_time) AS converted_at,
    replace(coalesce(converted_contact_id, attr(converted_contact, 'id')), 'zcrm_', '') AS contact_id,
    replace(converted_account_id, 'zcrm_', '') AS account_id,
    messy_flag(email_opt_out) AS opted_out,
    _file,
    _line
FROM leads
