-- Who was behind an anonymous id, and since when: people with an id of their own, else with their mail address. A mail
-- address that one user has is that user.
WITH seen AS (
    SELECT
        user_id,
        lower(trim(email)) AS email,
        anonymous_id,
        messy_timestamp("timestamp") AS at
    FROM identifies
),
owner AS (
    SELECT email, min(user_id) AS user_id
    FROM seen
    WHERE user_id IS NOT NULL AND email IS NOT NULL
    GROUP BY email
    HAVING count(DISTINCT user_id) = 1
)
SELECT coalesce(seen.user_id, owner.user_id, seen.email) AS person_id, seen.anonymous_id, min(seen.at) AS since
FROM seen
LEFT JOIN owner ON owner.email = seen.email
WHERE seen.anonymous_id IS NOT NULL AND coalesce(seen.user_id, seen.email) IS NOT NULL
GROUP BY coalesce(seen.user_id, owner.user_id, seen.email), seen.anonymous_id
