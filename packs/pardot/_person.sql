-- The person of every prospect. Ids of Pardot are numbers, so they are told from those of other systems.
SELECT id, coalesce(crm_id, concat('pardot/', id)) AS person_id FROM prospects
