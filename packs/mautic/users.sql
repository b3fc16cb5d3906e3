SELECT
    account.id AS user_id,
    nullif(trim(coalesce(account.first_name, '') || ' ' || coalesce(account.last_name, '')), '') AS name,
    lower(account.email) AS email,
    role.name AS role,
    account.timezone AS time_zone,
    any_yes(coalesce(account.is_published, '1')) = 'true' AS active,
    account._file,
    account._line
FROM users AS account
LEFT JOIN roles AS role ON role.id = account.role_id
