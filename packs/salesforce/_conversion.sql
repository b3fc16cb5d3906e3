-- Contacts that were made by converting a lead: one person with that lead, under its id and with its beginning.
-- ConvertedDate is a day of the user's zone, so a contact may seem to be one day older. If several leads were converted
-- into the contact, the first conversion made it.
SELECT contact_id, lead_id
FROM (
    SELECT
        c.id AS contact_id,
        l.id AS lead_id,
        row_number() OVER (PARTITION BY c.id ORDER BY messy_date(l.converted_date), messy_timestamp(l.created_date), l.id) AS place
    FROM contacts AS c
    JOIN leads AS l ON l.converted_contact_id = c.id
    WHERE TRY_CAST(messy_date(c.created_date) AS date) >= TRY_CAST(messy_date(l.converted_date) AS date) - INTERVAL '1 day'
)
WHERE place = 1
