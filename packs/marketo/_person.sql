-- The person of every lead. Ids of Marketo are small numbers, so they are told from those of other systems.
SELECT id, coalesce(crm_id, concat('marketo/', id)) AS person_id, began_at FROM leads
