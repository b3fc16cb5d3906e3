-- Accounts by name; a name that several have leads to none of them.
SELECT lower(trim(account_name)) AS name, replace(min(id), 'zcrm_', '') AS id
FROM accounts
GROUP BY lower(trim(account_name))
HAVING count(*) = 1
