SELECT
    o.owner_id AS user_id,
    nullif(trim(concat(coalesce(o.first_name, ''), ' ', coalesce(o.last_name, ''))), '') AS name,
    lower(o.email) AS email,
    t.name AS team,
    CASE WHEN any_yes(o.archived) = 'true' THEN 'false' ELSE messy_flag(o.is_active) END AS active,
    o._file,
    o._line
FROM owner AS o
LEFT JOIN (
    SELECT owner_id, team_id, row_number() OVER (PARTITION BY owner_id ORDER BY any_yes(is_team_primary) DESC, team_id) AS place FROM owner_team
) AS m ON m.owner_id = o.owner_id AND m.place = 1
LEFT JOIN team AS t ON t.id = m.team_id
