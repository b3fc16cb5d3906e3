-- The main contact of an opportunity is its primary one; the others have roles.
WITH link AS (
    SELECT opportunity_id, contact_id, role, _file, _line
    FROM contact_opportunity
    WHERE any_yes(deleted) = 'false'
    UNION ALL
    SELECT id, contact_id, CAST(NULL AS VARCHAR), _file, _line
    FROM opportunity
    WHERE contact_id IS NOT NULL
)
SELECT
    link.opportunity_id,
    link.contact_id AS person_id,
    max(link.role) AS role,
    coalesce(min(deal.contact_id) = link.contact_id, false) AS is_primary,
    min(link._file) AS _file,
    min(link._line) AS _line
FROM link
JOIN opportunity AS deal ON deal.id = link.opportunity_id AND any_yes(deal.deleted) = 'false'
GROUP BY link.opportunity_id, link.contact_id
