SELECT
    coalesce(crm_owner_fid, id) AS user_id,
    nullif(trim(concat(coalesce(first_name, ''), ' ', coalesce(last_name, ''))), '') AS name,
    lower(email) AS email,
    role,
    _file,
    _line
FROM pardot_user
