-- The contact behind an address; of several the oldest.
SELECT email, id
FROM (
    SELECT lower(trim(email)) AS email, id, row_number() OVER (PARTITION BY lower(trim(email)) ORDER BY created_at, id) AS place
    FROM contacts
    WHERE email IS NOT NULL
)
WHERE place = 1
