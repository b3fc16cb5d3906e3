-- Users, and owners that only an export names.
SELECT
    replace(id, 'zcrm_', '') AS user_id,
    full_name AS name,
    lower(email) AS email,
    coalesce(attr(role, 'name'), role) AS role,
    attr(reporting_to, 'id') AS manager_id,
    time_zone,
    lower(coalesce(status, 'active')) = 'active' AS active,
    _file,
    _line
FROM users
UNION ALL
SELECT
    owner.id, max(owner.name), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), CAST(NULL AS BOOLEAN),
    min(owner._file), min(owner._line)
FROM (
    SELECT replace(coalesce(owner_id, attr(owner, 'id'), owner), 'zcrm_', '') AS id, coalesce(attr(owner, 'name'), owner) AS name, _file, _line FROM deals
    UNION ALL
    SELECT replace(coalesce(owner_id, attr(owner, 'id'), owner), 'zcrm_', ''), coalesce(attr(owner, 'name'), owner), _file, _line FROM leads
) AS owner
LEFT JOIN users AS known ON replace(known.id, 'zcrm_', '') = owner.id
WHERE known.id IS NULL AND owner.id IS NOT NULL
GROUP BY owner.id
