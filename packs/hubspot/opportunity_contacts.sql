-- Type 3 is the plain association; others are labels of one's own. HubSpot marks no primary contact: it is the only one, or
-- none.
SELECT
    a.deal_id AS opportunity_id,
    a.contact_id AS person_id,
    CASE WHEN max(CASE WHEN a.category = 'USER_DEFINED' THEN a.type_id END) IS NOT NULL THEN concat('label ', max(CASE WHEN a.category = 'USER_DEFINED' THEN a.type_id END)) END AS role,
    min(a._file) AS _file,
    min(a._line) AS _line
FROM deal_contact AS a
JOIN deals AS d ON d.deal_id = a.deal_id
JOIN contacts AS c ON c.id = a.contact_id
GROUP BY a.deal_id, a.contact_id
