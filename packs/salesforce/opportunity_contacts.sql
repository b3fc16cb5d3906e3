-- Contact roles; where a deal has none, its own contact, and the lead that was converted into it. One row a person: several
-- roles of one person are the primary one, else the oldest.
WITH roles AS (
    SELECT r.opportunity_id, p.person_id, r.role, any_yes(r.is_primary) AS is_primary, 1 AS rank, r.created_date, r._file, r._line
    FROM opportunity_contact_role AS r
    JOIN person AS p ON p.id = r.contact_id
    WHERE any_yes(r.is_deleted, r._fivetran_deleted) = 'false'
    UNION ALL
    SELECT d.id, p.person_id, CAST(NULL AS varchar), 'true', 2, d.created_date, d._file, d._line
    FROM deals AS d
    JOIN person AS p ON p.id = d.contact_id
    UNION ALL
    SELECT l.converted_opportunity_id, l.id, CAST(NULL AS varchar), 'true', 3, l.created_date, l._file, l._line
    FROM leads AS l
    WHERE l.converted_opportunity_id IS NOT NULL
), best AS (
    SELECT opportunity_id, min(rank) AS rank FROM roles GROUP BY opportunity_id
), ordered AS (
    SELECT r.*,
        row_number() OVER (PARTITION BY r.opportunity_id, r.person_id ORDER BY r.is_primary DESC, messy_timestamp(r.created_date), r.role) AS place
    FROM roles AS r
    JOIN best AS b ON b.opportunity_id = r.opportunity_id AND b.rank = r.rank
)
SELECT o.opportunity_id, o.person_id, o.role, o.is_primary, o._file, o._line
FROM ordered AS o
JOIN deals AS d ON d.id = o.opportunity_id
WHERE o.place = 1
