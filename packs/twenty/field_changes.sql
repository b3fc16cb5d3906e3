-- Owners, amounts and closing days, from the timeline.
WITH change AS (
    SELECT
        line.*,
        attr(line.properties, 'diff') AS diff
    FROM timeline_activity AS line
    JOIN opportunity AS deal ON deal.id = line."targetOpportunityId" AND deal."deletedAt" IS NULL
)
SELECT
    'opportunity' AS subject_type,
    "targetOpportunityId" AS subject_id,
    messy_timestamp("happensAt") AS changed_at,
    'amount' AS field,
    CAST(CAST(CAST(attr(attr(attr(diff, 'amount'), 'before'), 'amountMicros') AS DECIMAL(26, 2)) / 1000000 AS DECIMAL(20, 4)) AS VARCHAR) AS old_value,
    CAST(CAST(CAST(attr(attr(attr(diff, 'amount'), 'after'), 'amountMicros') AS DECIMAL(26, 2)) / 1000000 AS DECIMAL(20, 4)) AS VARCHAR) AS new_value,
    "workspaceMemberId" AS changed_by,
    1 AS seq,
    _file,
    _line
FROM change
WHERE attr(diff, 'amount') IS NOT NULL
UNION ALL
SELECT
    'opportunity',
    "targetOpportunityId",
    messy_timestamp("happensAt"),
    'owner_id',
    attr(attr(diff, 'ownerId'), 'before'),
    attr(attr(diff, 'ownerId'), 'after'),
    "workspaceMemberId",
    2,
    _file,
    _line
FROM change
WHERE attr(diff, 'ownerId') IS NOT NULL
UNION ALL
SELECT
    'opportunity',
    "targetOpportunityId",
    messy_timestamp("happensAt"),
    'expected_close_on',
    messy_date(attr(attr(diff, 'closeDate'), 'before')),
    messy_date(attr(attr(diff, 'closeDate'), 'after')),
    "workspaceMemberId",
    3,
    _file,
    _line
FROM change
WHERE attr(diff, 'closeDate') IS NOT NULL
