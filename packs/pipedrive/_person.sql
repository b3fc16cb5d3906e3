-- People by id and by name; a name that several people have leads to none of them.
SELECT
    id,
    name,
    count(*) OVER (PARTITION BY lower(trim(name))) = 1 AS is_only
FROM persons
WHERE coalesce(messy_flag(is_deleted), 'false') <> 'true'
