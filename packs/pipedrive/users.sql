-- Users of the tap; of an export the names of owners.
SELECT
    id AS user_id,
    name,
    lower(email) AS email,
    timezone_name AS time_zone,
    messy_flag(active_flag) AS active,
    _file,
    _line
FROM users
UNION ALL
SELECT owner AS user_id, owner AS name, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), min(_file), min(_line)
FROM (
    SELECT owner, _file, _line FROM deals WHERE owner_id IS NULL
    UNION ALL
    SELECT owner, _file, _line FROM persons WHERE owner_id IS NULL
    UNION ALL
    SELECT owner, _file, _line FROM activities WHERE owner_id IS NULL
)
WHERE owner IS NOT NULL
GROUP BY owner
