-- The timeline keeps what changed: properties.diff.stage.before and .after. The first "before" is the stage with which
-- an opportunity began; without a change it is that of today. What was closed without a trace, such as rows that came by
-- an import, ended on its closing day.
WITH change AS (
    SELECT
        "targetOpportunityId" AS opportunity_id,
        messy_timestamp("happensAt") AS changed_at,
        attr(attr(attr(properties, 'diff'), 'stage'), 'before') AS before,
        attr(attr(attr(properties, 'diff'), 'stage'), 'after') AS after,
        "workspaceMemberId" AS changed_by,
        _file,
        _line
    FROM timeline_activity
    WHERE "targetOpportunityId" IS NOT NULL AND attr(attr(attr(properties, 'diff'), 'stage'), 'after') IS NOT NULL
),
first_change AS (
    SELECT opportunity_id, before
    FROM (SELECT *, row_number() OVER (PARTITION BY opportunity_id ORDER BY changed_at, _line) AS turn FROM change)
    WHERE turn = 1
),
entry AS (
    SELECT
        deal.id AS opportunity_id,
        CASE
            WHEN first_change.opportunity_id IS NULL AND coalesce(setting('stages', deal.stage), deal.stage) IN ('won', 'lost')
                THEN greatest(messy_timestamp(deal."createdAt"), messy_timestamp(deal."closeDate"))
            ELSE messy_timestamp(deal."createdAt")
        END AS changed_at,
        coalesce(first_change.before, deal.stage) AS word,
        deal."createdByWorkspaceMemberId" AS changed_by,
        1 AS seq,
        deal._file,
        deal._line
    FROM opportunity AS deal
    LEFT JOIN first_change ON first_change.opportunity_id = deal.id
    WHERE deal."deletedAt" IS NULL
    UNION ALL
    SELECT change.opportunity_id, change.changed_at, change.after, change.changed_by, 2, change._file, change._line
    FROM change
    JOIN opportunity AS deal ON deal.id = change.opportunity_id AND deal."deletedAt" IS NULL
)
SELECT
    'opportunity' AS subject_type,
    opportunity_id AS subject_id,
    changed_at,
    coalesce(setting('stages', word), word) AS stage,
    changed_by,
    seq,
    _file,
    _line
FROM entry
WHERE word IS NOT NULL
