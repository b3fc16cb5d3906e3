-- Owners come from the notes of type Assign, with the owner before from the note before; amounts and closing days from
-- those of type Update.
WITH line AS (
    SELECT
        CASE note.parent_type WHEN 'Lead' THEN 'person' ELSE 'opportunity' END AS subject_type,
        note.parent_id AS subject_id,
        messy_timestamp(note.created_at) AS changed_at,
        CAST(coalesce(note.number, '0') AS BIGINT) AS seq,
        note.type,
        attr(note.data, 'assignedUserId') AS owner_id,
        attr(attr(note.data, 'attributes'), 'was') AS was,
        attr(attr(note.data, 'attributes'), 'became') AS became,
        note.created_by_id AS changed_by,
        note._file,
        note._line
    FROM note
    WHERE note.parent_type IN ('Lead', 'Opportunity') AND any_yes(note.deleted) = 'false'
),
owner AS (
    SELECT *, lag(owner_id) OVER (PARTITION BY subject_type, subject_id ORDER BY changed_at, seq) AS before
    FROM line
    WHERE type = 'Assign' OR (type = 'Create' AND owner_id IS NOT NULL)
)
SELECT subject_type, subject_id, changed_at, 'owner_id' AS field, before AS old_value, owner_id AS new_value, changed_by, seq, _file, _line
FROM owner
WHERE type = 'Assign'
UNION ALL
SELECT subject_type, subject_id, changed_at, 'amount', attr(was, 'amount'), attr(became, 'amount'), changed_by, seq, _file, _line
FROM line
WHERE type = 'Update' AND subject_type = 'opportunity' AND attr(became, 'amount') IS NOT NULL
UNION ALL
SELECT subject_type, subject_id, changed_at, 'expected_close_on', messy_date(attr(was, 'closeDate')), messy_date(attr(became, 'closeDate')), changed_by, seq, _file, _line
FROM line
WHERE type = 'Update' AND subject_type = 'opportunity' AND attr(became, 'closeDate') IS NOT NULL
