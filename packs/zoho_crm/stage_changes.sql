-- A row of a history is a time in a stage; Modified Time is when it was entered. Without a history a deal is in its stage
-- of today since that was modified, if Zoho says so; else a closed one ended on its closing date, and an open one counts
-- from its creation on. A lead is in its status of today since it was last changed.
WITH subject AS (
    SELECT
        'person' AS type, id, lead_status AS word, coalesce(setting('lead_stages', lead_status), lead_status) AS stage,
        CASE WHEN setting('lead_stages', lead_status) = 'lead' THEN created_at ELSE coalesce(modified_at, created_at) END AS since,
        CAST(NULL AS VARCHAR) AS reason, _file, _line
    FROM lead
    UNION ALL
    SELECT
        'opportunity' AS type, deal.id, deal.stage AS word, coalesce(setting('stages', deal.stage), deal.stage) AS stage,
        coalesce(
            deal.stage_modified_at,
            CASE WHEN setting('stages', deal.stage) IN ('won', 'lost') THEN greatest(messy_timestamp(deal.closing_date), deal.created_at) END,
            deal.created_at
        ),
        nullif(deal.reason_for_loss, '-None-'), deal._file, deal._line
    FROM deal
),
history AS (
    SELECT
        'person' AS type,
        replace(coalesce(lead_id, attr(lead, 'id'), lead), 'zcrm_', '') AS id,
        coalesce(setting('lead_stages', lead_status), lead_status) AS stage,
        messy_timestamp(modified_time) AS changed_at,
        coalesce(attr(modified_by, 'id'), modified_by) AS changed_by,
        _file,
        _line
    FROM lead_status_history
    UNION ALL
    SELECT
        'opportunity' AS type,
        replace(coalesce(deal_id, attr(deal, 'id'), deal), 'zcrm_', '') AS id,
        coalesce(setting('stages', line.stage), line.stage) AS stage,
        messy_timestamp(modified_time),
        coalesce(attr(modified_by, 'id'), modified_by),
        _file,
        _line
    FROM stage_history AS line
)
SELECT
    history.type AS subject_type,
    history.id AS subject_id,
    history.changed_at,
    history.stage,
    history.changed_by,
    CASE history.stage WHEN 'lost' THEN subject.reason END AS reason,
    history._file,
    history._line
FROM history
JOIN subject ON subject.type = history.type AND subject.id = history.id
WHERE history.stage <> ''
UNION ALL
SELECT
    subject.type,
    subject.id,
    subject.since,
    subject.stage,
    CAST(NULL AS VARCHAR),
    CASE subject.stage WHEN 'lost' THEN subject.reason END,
    subject._file,
    subject._line
FROM subject
LEFT JOIN (SELECT DISTINCT type, id FROM history) AS known ON known.type = subject.type AND known.id = subject.id
WHERE known.id IS NULL AND subject.stage <> ''
