-- People who work here: no groups, no portal users.
SELECT
    account.id AS user_id,
    nullif(trim(coalesce(account.first_name, '') || ' ' || coalesce(account.last_name, '')), '') AS name,
    mail.address AS email,
    account.department AS team,
    account.title AS role,
    account.reports_to_id AS manager_id,
    coalesce(account.status, 'Active') = 'Active' AS active,
    account._file,
    account._line
FROM users AS account
LEFT JOIN (
    SELECT link.bean_id, min(lower(mail.email_address)) AS address
    FROM email_addr_bean_rel AS link
    JOIN email_addresses AS mail ON mail.id = link.email_address_id
    WHERE link.bean_module = 'Users'
        AND any_yes(coalesce(link.primary_address, '1')) = 'true'
        AND any_yes(link.deleted) = 'false'
    GROUP BY link.bean_id
) AS mail ON mail.bean_id = account.id
WHERE any_yes(account.deleted) = 'false'
    AND any_yes(account.is_group) = 'false'
    AND any_yes(account.portal_only) = 'false'
