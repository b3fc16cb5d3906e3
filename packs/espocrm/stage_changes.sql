-- The stream: notes of type Update hold what audited fields were and became; Status is the older spelling of the same.
-- The status at the beginning is that of the note of the creation, else the first "was", else that of today. What was
-- closed without a note, such as rows that came by an import, ended on its closing day, or when it was last changed. A day
-- is taken at noon UTC, so that it is the same day in all zones but the outermost.
WITH subject AS (
    SELECT 'Lead' AS type, id, status AS word, messy_timestamp(created_at) AS created_at, messy_timestamp(modified_at) AS ended_at, created_by_id, _file, _line
    FROM lead
    WHERE any_yes(deleted) = 'false'
    UNION ALL
    SELECT 'Opportunity', id, stage, messy_timestamp(created_at), coalesce(messy_date(close_date) || 'T12:00:00', messy_timestamp(modified_at)), created_by_id, _file, _line
    FROM opportunity
    WHERE any_yes(deleted) = 'false'
),
change AS (
    SELECT
        note.parent_type AS type,
        note.parent_id AS id,
        messy_timestamp(note.created_at) AS changed_at,
        CAST(coalesce(note.number, '0') AS BIGINT) AS number,
        attr(attr(attr(note.data, 'attributes'), 'was'), CASE note.parent_type WHEN 'Lead' THEN 'status' ELSE 'stage' END) AS before,
        CASE note.type
            WHEN 'Status' THEN attr(note.data, 'value')
            ELSE attr(attr(attr(note.data, 'attributes'), 'became'), CASE note.parent_type WHEN 'Lead' THEN 'status' ELSE 'stage' END)
        END AS after,
        note.created_by_id AS changed_by,
        note._file,
        note._line
    FROM note
    WHERE note.type IN ('Update', 'Status')
        AND note.parent_type IN ('Lead', 'Opportunity')
        AND any_yes(note.deleted) = 'false'
),
first_change AS (
    SELECT type, id, before
    FROM (SELECT *, row_number() OVER (PARTITION BY type, id ORDER BY changed_at, number) AS turn FROM change WHERE after IS NOT NULL)
    WHERE turn = 1
),
creation AS (
    SELECT parent_type AS type, parent_id AS id, min(attr(data, 'statusValue')) AS word
    FROM note
    WHERE type = 'Create'
    GROUP BY parent_type, parent_id
),
entry AS (
    SELECT
        subject.type,
        subject.id,
        CASE
            WHEN creation.word IS NULL
                AND first_change.id IS NULL
                AND coalesce(CASE subject.type WHEN 'Lead' THEN setting('lead_stages', subject.word) ELSE setting('stages', subject.word) END, '')
                    IN ('won', 'lost', 'disqualified', 'recycled')
                THEN greatest(subject.created_at, subject.ended_at)
            ELSE subject.created_at
        END AS changed_at,
        coalesce(creation.word, first_change.before, CASE WHEN first_change.id IS NULL THEN subject.word END) AS word,
        subject.created_by_id AS changed_by,
        0 AS seq,
        subject._file,
        subject._line
    FROM subject
    LEFT JOIN creation ON creation.type = subject.type AND creation.id = subject.id
    LEFT JOIN first_change ON first_change.type = subject.type AND first_change.id = subject.id
    UNION ALL
    SELECT change.type, change.id, change.changed_at, change.after, change.changed_by, change.number, change._file, change._line
    FROM change
    JOIN subject ON subject.type = change.type AND subject.id = change.id
    WHERE change.after IS NOT NULL
),
meant AS (
    SELECT
        *,
        CASE type
            WHEN 'Lead' THEN coalesce(setting('lead_stages', word), word)
            ELSE coalesce(setting('stages', word), word)
        END AS stage
    FROM entry
)
SELECT
    CASE type WHEN 'Lead' THEN 'person' ELSE 'opportunity' END AS subject_type,
    id AS subject_id,
    changed_at,
    stage,
    changed_by,
    seq,
    _file,
    _line
FROM meant
WHERE stage <> ''
