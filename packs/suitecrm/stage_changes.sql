-- The audit tables hold each change of an audited field. The status at the beginning is the first "before", else that of
-- today. What was closed without an audited change, such as rows that came by an import, ended on its closing day, or
-- when it was last changed. A day is taken at noon UTC, so that it is the same day in all zones but the outermost.
WITH subject AS (
    SELECT 'person' AS type, id, status AS word, messy_timestamp(date_entered) AS created_at, messy_timestamp(date_modified) AS ended_at, created_by, _file, _line
    FROM leads
    WHERE any_yes(deleted) = 'false'
    UNION ALL
    SELECT
        'opportunity', id, sales_stage, messy_timestamp(date_entered), coalesce(messy_date(date_closed) || 'T12:00:00', messy_timestamp(date_modified)),
        created_by, _file, _line
    FROM opportunities
    WHERE any_yes(deleted) = 'false'
),
change AS (
    SELECT
        'person' AS type, parent_id AS id, messy_timestamp(date_created) AS changed_at, before_value_string AS before,
        after_value_string AS after, created_by AS changed_by, id AS audit_id, _file, _line
    FROM leads_audit
    WHERE field_name = 'status'
    UNION ALL
    SELECT 'opportunity', parent_id, messy_timestamp(date_created), before_value_string, after_value_string, created_by, id, _file, _line
    FROM opportunities_audit
    WHERE field_name = 'sales_stage'
),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY type, id ORDER BY changed_at, audit_id) AS turn
    FROM change
),
meant AS (
    SELECT *, CASE type WHEN 'person' THEN coalesce(setting('lead_stages', word), word) ELSE coalesce(setting('stages', word), word) END AS stage
    FROM subject
),
entry AS (
    SELECT
        meant.type,
        meant.id,
        CASE
            WHEN numbered.id IS NULL AND meant.stage IN ('won', 'lost', 'disqualified', 'recycled') THEN greatest(meant.created_at, meant.ended_at)
            ELSE meant.created_at
        END AS changed_at,
        CASE WHEN numbered.id IS NULL THEN meant.word ELSE numbered.before END AS word,
        meant.created_by AS changed_by,
        0 AS seq,
        meant._file,
        meant._line
    FROM meant
    LEFT JOIN numbered ON numbered.type = meant.type AND numbered.id = meant.id AND numbered.turn = 1
    UNION ALL
    SELECT numbered.type, numbered.id, numbered.changed_at, numbered.after, numbered.changed_by, numbered.turn, numbered._file, numbered._line
    FROM numbered
    JOIN subject ON subject.type = numbered.type AND subject.id = numbered.id
)
SELECT
    type AS subject_type,
    id AS subject_id,
    changed_at,
    CASE type WHEN 'person' THEN coalesce(setting('lead_stages', word), word) ELSE coalesce(setting('stages', word), word) END AS stage,
    changed_by,
    seq,
    _file,
    _line
FROM entry
WHERE CASE type WHEN 'person' THEN coalesce(setting('lead_stages', word), word) ELSE coalesce(setting('stages', word), word) END <> ''
