-- The log of stages. A contact in a stage without a row in the log, such as one that came by an import, entered it when
-- it was last changed.
WITH known AS (
    SELECT *
    FROM leads
    WHERE email IS NOT NULL OR messy_timestamp(date_identified) IS NOT NULL
),
entry AS (
    SELECT
        log.lead_id,
        messy_timestamp(log.date_added) AS changed_at,
        stage.name AS word,
        CAST(log.id AS BIGINT) AS seq,
        log._file,
        log._line
    FROM lead_stages_change_log AS log
    JOIN known ON known.id = log.lead_id
    JOIN stages AS stage ON stage.id = log.stage_id
    UNION ALL
    SELECT
        known.id,
        greatest(
            coalesce(messy_timestamp(known.date_identified), messy_timestamp(known.date_added)),
            messy_timestamp(known.date_modified)
        ),
        stage.name,
        0,
        known._file,
        known._line
    FROM known
    JOIN stages AS stage ON stage.id = known.stage_id
    LEFT JOIN (SELECT DISTINCT lead_id FROM lead_stages_change_log) AS logged ON logged.lead_id = known.id
    WHERE logged.lead_id IS NULL
)
SELECT
    'person' AS subject_type,
    lead_id AS subject_id,
    changed_at,
    coalesce(setting('stages', word), word) AS stage,
    seq,
    _file,
    _line
FROM entry
WHERE coalesce(setting('stages', word), word) <> ''
