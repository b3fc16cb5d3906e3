-- Entering the stage of the setting passed_stage hands the lead to the owner that it has then. The next entry decides:
-- accepted in the stage `sal`, rejected where the lead is returned or given up.
WITH entries AS (
    SELECT
        *,
        lead(stage) OVER (PARTITION BY person_id ORDER BY seq) AS next_stage,
        lead(changed_at) OVER (PARTITION BY person_id ORDER BY seq) AS next_at,
        lead(changed_by) OVER (PARTITION BY person_id ORDER BY seq) AS next_by
    FROM lead_step
), passed AS (
    SELECT * FROM entries WHERE stage = setting('passed_stage')
), owners AS (
    -- The owner then: that of the last change before, else the one before the first change, else the owner now.
    SELECT p.person_id, p.seq, o.new_value AS owner_id,
        row_number() OVER (PARTITION BY p.person_id, p.seq ORDER BY o.changed_at DESC) AS place
    FROM passed AS p
    JOIN owner_change AS o ON o.subject_type = 'person' AND o.subject_id = p.person_id AND o.changed_at <= p.changed_at
), firsts AS (
    SELECT subject_id, old_value AS owner_id, row_number() OVER (PARTITION BY subject_id ORDER BY changed_at) AS place
    FROM owner_change
    WHERE subject_type = 'person'
)
SELECT
    concat(p.person_id, '/', p.changed_at) AS handoff_id,
    p.person_id,
    p.changed_at AS passed_at,
    p.changed_by AS passed_by,
    coalesce(o.owner_id, f.owner_id, l.owner_id) AS assigned_to,
    CASE
        WHEN p.next_stage = 'sal' THEN 'accepted'
        WHEN p.next_stage IN ('recycled', 'disqualified') THEN 'rejected'
        ELSE 'pending'
    END AS decision,
    CASE WHEN p.next_stage IN ('sal', 'recycled', 'disqualified') THEN p.next_at END AS decided_at,
    CASE WHEN p.next_stage IN ('sal', 'recycled', 'disqualified') THEN p.next_by END AS decided_by,
    p._file,
    p._line
FROM passed AS p
JOIN leads AS l ON l.id = p.person_id
LEFT JOIN owners AS o ON o.person_id = p.person_id AND o.seq = p.seq AND o.place = 1
LEFT JOIN firsts AS f ON f.subject_id = p.person_id AND f.place = 1
