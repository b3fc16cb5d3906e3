-- Entering the stage of the setting passed_stage hands the lead to sales. The next entry decides.
WITH entries AS (
    SELECT *,
        lead(stage) OVER (PARTITION BY person_id ORDER BY changed_at, id) AS next_stage,
        lead(changed_at) OVER (PARTITION BY person_id ORDER BY changed_at, id) AS next_at
    FROM step
)
SELECT
    concat('marketo/', id) AS handoff_id,
    person_id,
    changed_at AS passed_at,
    CASE
        WHEN next_stage = 'sal' THEN 'accepted'
        WHEN next_stage IN ('recycled', 'disqualified') THEN 'rejected'
        ELSE 'pending'
    END AS decision,
    CASE WHEN next_stage IN ('sal', 'recycled', 'disqualified') THEN next_at END AS decided_at,
    _file,
    _line
FROM entries
WHERE stage = setting('passed_stage')
