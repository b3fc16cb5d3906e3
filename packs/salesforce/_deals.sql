-- Opportunities as they are now.
SELECT * FROM opportunity
WHERE any_yes(is_deleted, _fivetran_deleted) = 'false' AND coalesce(messy_flag(_fivetran_active), 'true') = 'true'
