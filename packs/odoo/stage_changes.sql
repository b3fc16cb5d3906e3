-- Tracking holds changes only, so the stage at creation is the old value of the first change, or the stage of today if it
-- never changed; what was won without a tracked change was so when it was closed.
WITH named AS (
    SELECT id, CASE any_yes(is_won) WHEN 'true' THEN 'won' ELSE coalesce(attr(name, 'en_US'), name) END AS word
    FROM crm_stage
),
moved AS (
    SELECT
        lead.id AS lead_id,
        tracked.changed_at,
        coalesce(old.word, nullif(tracked.old_value_char, '')) AS before,
        coalesce(new.word, nullif(tracked.new_value_char, '')) AS after,
        tracked.changed_by,
        tracked._file,
        tracked._line,
        row_number() OVER (PARTITION BY lead.id ORDER BY tracked.changed_at, tracked.seq) AS turn
    FROM tracked
    JOIN lead ON lead.id = tracked.lead_id AND lead.type = 'opportunity' AND tracked.changed_at >= lead.opened_at
    LEFT JOIN named AS old ON old.id = tracked.old_value_integer
    LEFT JOIN named AS new ON new.id = tracked.new_value_integer
    WHERE tracked.field = 'stage_id'
),
entered AS (
    SELECT
        lead.id AS lead_id,
        CASE WHEN moved.lead_id IS NULL AND now.word = 'won' THEN greatest(lead.opened_at, lead.closed_at) ELSE lead.opened_at END AS changed_at,
        CASE WHEN moved.lead_id IS NULL THEN now.word ELSE moved.before END AS word,
        CAST(NULL AS VARCHAR) AS changed_by,
        1 AS seq,
        lead._file,
        lead._line
    FROM lead
    LEFT JOIN moved ON moved.lead_id = lead.id AND moved.turn = 1
    LEFT JOIN named AS now ON now.id = lead.stage_id
    WHERE lead.type = 'opportunity'
    UNION ALL
    SELECT lead_id, changed_at, after, changed_by, 2, _file, _line
    FROM moved
),
archived AS (
    SELECT
        *,
        coalesce(new_value_integer, '0') = '0' AS away,
        row_number() OVER (PARTITION BY lead_id ORDER BY changed_at DESC, seq DESC) AS from_last
    FROM tracked
    WHERE field = 'active'
),
ended AS (
    -- Archived: the last time counts if the row is lost today, the earlier ones were taken back later.
    SELECT lead.id AS lead_id, archived.changed_at, archived.changed_by, archived._file, archived._line
    FROM archived
    JOIN lead ON lead.id = archived.lead_id
    WHERE archived.away AND (archived.from_last > 1 OR lead.is_lost)
    UNION ALL
    -- Lost without a tracked change: when it was closed.
    SELECT lead.id, lead.ended_at, CAST(NULL AS VARCHAR), lead._file, lead._line
    FROM lead
    LEFT JOIN archived ON archived.lead_id = lead.id AND archived.away AND archived.from_last = 1
    WHERE lead.is_lost AND archived.lead_id IS NULL
),
back AS (
    -- Taken out of the archive: back in the stage in which it was.
    SELECT
        archived.lead_id,
        archived.changed_at,
        entered.word,
        archived.changed_by,
        archived._file,
        archived._line,
        row_number() OVER (PARTITION BY archived.lead_id, archived.changed_at ORDER BY entered.changed_at DESC, entered.seq DESC) AS turn
    FROM archived
    JOIN entered ON entered.lead_id = archived.lead_id AND entered.changed_at <= archived.changed_at
    WHERE NOT archived.away
)
SELECT
    'opportunity' AS subject_type,
    lead_id AS subject_id,
    changed_at,
    coalesce(setting('stages', word), word) AS stage,
    changed_by,
    CAST(NULL AS VARCHAR) AS reason,
    seq,
    _file,
    _line
FROM entered
WHERE word IS NOT NULL
UNION ALL
SELECT 'opportunity', lead_id, changed_at, coalesce(setting('stages', word), word), changed_by, CAST(NULL AS VARCHAR), 4, _file, _line
FROM back
WHERE turn = 1
UNION ALL
-- What is lost before it became an opportunity is a lead that was disqualified.
SELECT
    CASE lead.type WHEN 'opportunity' THEN 'opportunity' ELSE 'person' END,
    CASE lead.type WHEN 'opportunity' THEN lead.id ELSE lead.person_id END,
    ended.changed_at,
    CASE lead.type WHEN 'opportunity' THEN 'lost' ELSE 'disqualified' END,
    ended.changed_by,
    lead.lost_reason,
    3,
    ended._file,
    ended._line
FROM ended
JOIN lead ON lead.id = ended.lead_id
WHERE lead.type = 'opportunity' OR lead.has_person
