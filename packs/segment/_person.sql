-- One row a person: the first time they identified themselves, and the newest of each trait.
WITH seen AS (
    SELECT
        identifies.*,
        lower(trim(email)) AS mail,
        messy_timestamp("timestamp") AS at
    FROM identifies
),
owner AS (
    SELECT mail, min(user_id) AS user_id
    FROM seen
    WHERE user_id IS NOT NULL AND mail IS NOT NULL
    GROUP BY mail
    HAVING count(DISTINCT user_id) = 1
),
named AS (
    SELECT seen.*, coalesce(seen.user_id, owner.user_id, seen.mail) AS person_id
    FROM seen
    LEFT JOIN owner ON owner.mail = seen.mail
)
SELECT
    person_id,
    min(at) AS created_at,
    last_value(mail ORDER BY mail IS NOT NULL, at, id) AS email,
    last_value(coalesce(name, trim(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))) ORDER BY coalesce(name, first_name, last_name) IS NOT NULL, at, id) AS name,
    last_value(phone ORDER BY phone IS NOT NULL, at, id) AS phone,
    last_value(title ORDER BY title IS NOT NULL, at, id) AS title,
    last_value(country ORDER BY country IS NOT NULL, at, id) AS country,
    min(_file) AS _file,
    min(_line) AS _line
FROM named
WHERE person_id IS NOT NULL
GROUP BY person_id
