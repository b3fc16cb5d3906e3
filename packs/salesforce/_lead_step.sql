-- When each lead came to which status. The status before the first change is that of the creation; a lead whose status
-- never changed has had it since then. A converted lead without history has its last status since the day of conversion.
WITH changes AS (
    SELECT
        lead_id, messy_timestamp(created_date) AS changed_at, old_value, new_value, created_by_id AS changed_by, _file, _line,
        row_number() OVER (PARTITION BY lead_id ORDER BY messy_timestamp(created_date), id) AS place
    FROM lead_history
    WHERE field = 'Status' AND any_yes(is_deleted, _fivetran_deleted) = 'false'
), entries AS (
    SELECT lead_id, changed_at, new_value AS status, changed_by, place, _file, _line FROM changes
    UNION ALL
    SELECT l.id, messy_timestamp(l.created_date), coalesce(c.old_value, l.status), CAST(NULL AS varchar), 0, l._file, l._line
    FROM leads AS l
    LEFT JOIN changes AS c ON c.lead_id = l.id AND c.place = 1
    -- Without history the status of today is that of the creation only if the lead was not converted.
    WHERE c.lead_id IS NOT NULL OR any_yes(l.is_converted) = 'false'
    UNION ALL
    SELECT l.id, messy_timestamp(l.converted_date), l.status, CAST(NULL AS varchar), 1, l._file, l._line
    FROM leads AS l
    LEFT JOIN changes AS c ON c.lead_id = l.id AND c.place = 1
    WHERE c.lead_id IS NULL AND any_yes(l.is_converted) = 'true'
), steps AS (
    SELECT
        e.lead_id AS person_id,
        CASE WHEN e.changed_at < messy_timestamp(l.created_date) THEN messy_timestamp(l.created_date) ELSE e.changed_at END AS changed_at,
        coalesce(setting('lead_status', e.status), e.status) AS stage,
        e.changed_by,
        e.place,
        e._file,
        e._line
    FROM entries AS e
    JOIN leads AS l ON l.id = e.lead_id
    WHERE e.status IS NOT NULL
), ordered AS (
    SELECT *,
        row_number() OVER (PARTITION BY person_id ORDER BY changed_at, place) AS seq,
        lag(stage) OVER (PARTITION BY person_id ORDER BY changed_at, place) AS before
    FROM steps
)
-- Two statuses of Salesforce may be one stage; a blank one is no event of the funnel.
SELECT person_id, changed_at, stage, changed_by, seq, _file, _line
FROM ordered
WHERE stage <> '' AND before IS DISTINCT FROM stage
