-- Leads as they are now: not deleted, and of a table with versions the current one.
SELECT * FROM lead
WHERE any_yes(is_deleted, _fivetran_deleted) = 'false' AND coalesce(messy_flag(_fivetran_active), 'true') = 'true'
