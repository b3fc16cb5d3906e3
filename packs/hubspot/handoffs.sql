-- Entering the stage of the setting passed_stage hands the contact to its owner. The next entry decides: accepted in the
-- stage `sal`, rejected where the contact is returned or given up.
WITH entries AS (
    SELECT *,
        lead(stage) OVER (PARTITION BY contact_id ORDER BY changed_at, _line) AS next_stage,
        lead(changed_at) OVER (PARTITION BY contact_id ORDER BY changed_at, _line) AS next_at
    FROM person_step
), passed AS (
    SELECT * FROM entries WHERE stage = setting('passed_stage')
), owners AS (
    SELECT p.contact_id, p.changed_at, h.value AS owner_id,
        row_number() OVER (PARTITION BY p.contact_id, p.changed_at ORDER BY messy_timestamp(h."timestamp") DESC) AS place
    FROM passed AS p
    JOIN contact_property_history AS h
        ON h.contact_id = p.contact_id AND h.name = 'hubspot_owner_id' AND messy_timestamp(h."timestamp") <= p.changed_at
)
SELECT
    concat(p.contact_id, '/', p.changed_at) AS handoff_id,
    p.contact_id AS person_id,
    p.changed_at AS passed_at,
    coalesce(o.owner_id, c.hubspot_owner_id) AS assigned_to,
    CASE
        WHEN p.next_stage = 'sal' THEN 'accepted'
        WHEN p.next_stage IN ('recycled', 'disqualified') THEN 'rejected'
        ELSE 'pending'
    END AS decision,
    CASE WHEN p.next_stage IN ('sal', 'recycled', 'disqualified') THEN p.next_at END AS decided_at,
    p._file,
    p._line
FROM passed AS p
JOIN contacts AS c ON c.id = p.contact_id
LEFT JOIN owners AS o ON o.contact_id = p.contact_id AND o.changed_at = p.changed_at AND o.place = 1
