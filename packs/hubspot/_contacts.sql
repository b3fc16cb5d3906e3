-- Contacts that are there.
SELECT *, messy_timestamp(createdate) AS created_at
FROM contact
WHERE any_yes(is_deleted, _fivetran_deleted) = 'false'
