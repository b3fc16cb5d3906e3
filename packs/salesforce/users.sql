SELECT
    u.id AS user_id,
    u.name,
    lower(u.email) AS email,
    coalesce(u.department, u.division) AS team,
    r.name AS role,
    u.manager_id,
    u.time_zone_sid_key AS time_zone,
    messy_flag(u.is_active) AS active,
    u._file,
    u._line
FROM "user" AS u
LEFT JOIN user_role AS r ON r.id = u.user_role_id
WHERE any_yes(u._fivetran_deleted) = 'false' AND coalesce(messy_flag(u._fivetran_active), 'true') = 'true'
