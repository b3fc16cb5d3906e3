-- Organisations, and those that people and deals only name.
SELECT
    id AS account_id,
    name,
    coalesce(attr(address, 'country'), CASE WHEN address NOT LIKE '{%' THEN nullif(trim(split_part(address, ',', -1)), '') END) AS country,
    messy_timestamp(add_time) AS created_at,
    _file,
    _line
FROM organizations
WHERE coalesce(messy_flag(is_deleted), 'false') <> 'true'
UNION ALL
SELECT 'name-' || upper(trim(org)), min(trim(org)), CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), min(_file), min(_line)
FROM (
    SELECT org, _file, _line FROM deals WHERE org_id IS NULL
    UNION ALL
    SELECT org, _file, _line FROM persons WHERE org_id IS NULL
)
WHERE trim(org) <> '' AND lower(trim(org)) NOT IN (SELECT lower(trim(name)) FROM organizations GROUP BY lower(trim(name)) HAVING count(*) = 1)
GROUP BY upper(trim(org))
