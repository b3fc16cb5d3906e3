-- People who work here: no portal users, no technical ones.
SELECT
    account.id AS user_id,
    nullif(trim(coalesce(account.first_name, '') || ' ' || coalesce(account.last_name, '')), '') AS name,
    mail.address AS email,
    team.name AS team,
    account.title AS role,
    any_yes(coalesce(account.is_active, '1')) = 'true' AS active,
    account._file,
    account._line
FROM users AS account
LEFT JOIN team ON team.id = account.default_team_id
LEFT JOIN (
    SELECT link.entity_id, min(address.lower) AS address
    FROM entity_email_address AS link
    JOIN email_address AS address ON address.id = link.email_address_id
    WHERE link.entity_type = 'User' AND any_yes(coalesce(link."primary", '1')) = 'true'
    GROUP BY link.entity_id
) AS mail ON mail.entity_id = account.id
WHERE any_yes(account.deleted) = 'false' AND coalesce(account.type, 'regular') IN ('regular', 'admin')
