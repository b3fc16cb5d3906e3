-- Entries into stages: changes of the status, of the stage of the revenue model, and coming to the score of the settings.
WITH entries AS (
    SELECT id, lead_id, activity_date, coalesce(setting('lead_status', new_value), new_value) AS stage, reason, _file, _line
    FROM change_data_value
    WHERE primary_attribute_value = setting('status_field')
    UNION ALL
    SELECT id, lead_id, activity_date, coalesce(setting('revenue_stage', new_stage), setting('lead_status', new_stage), new_stage), CAST(NULL AS varchar), _file, _line
    FROM change_revenue_stage
    UNION ALL
    SELECT id, lead_id, activity_date, 'mql', CAST(NULL AS varchar), _file, _line
    FROM change_score
    WHERE primary_attribute_value = setting('score_field')
        AND TRY_CAST(new_value AS double) >= TRY_CAST(setting('mql_score') AS double)
        AND coalesce(TRY_CAST(old_value AS double), 0) < TRY_CAST(setting('mql_score') AS double)
), ordered AS (
    SELECT e.*, p.person_id, messy_timestamp(e.activity_date) AS changed_at,
        row_number() OVER (PARTITION BY p.person_id, messy_timestamp(e.activity_date), e.stage ORDER BY e.id) AS place
    FROM entries AS e
    JOIN person AS p ON p.id = e.lead_id
    WHERE e.stage <> ''
)
SELECT * FROM ordered WHERE place = 1
