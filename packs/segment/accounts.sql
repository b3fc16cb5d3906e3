-- One row a group, with the newest of each trait.
SELECT
    group_id AS account_id,
    last_value(name ORDER BY name IS NOT NULL, messy_timestamp("timestamp"), id) AS name,
    regexp_replace(
        lower(last_value(website ORDER BY website IS NOT NULL, messy_timestamp("timestamp"), id)),
        '^(https?://)?(www[.])?([^/:?#]+).*$', '\3'
    ) AS domain,
    last_value(industry ORDER BY industry IS NOT NULL, messy_timestamp("timestamp"), id) AS industry,
    last_value(employees ORDER BY employees IS NOT NULL, messy_timestamp("timestamp"), id) AS employees,
    last_value(country ORDER BY country IS NOT NULL, messy_timestamp("timestamp"), id) AS country,
    min(messy_timestamp("timestamp")) AS created_at,
    min(_file) AS _file,
    min(_line) AS _line
FROM site_groups
WHERE group_id IS NOT NULL
GROUP BY group_id
