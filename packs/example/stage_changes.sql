-- The first and the last change of a deal: opened, and won or lost.
SELECT
    'opportunity' AS subject_type,
    "Deal" AS subject_id,
    messy_timestamp("Opened") AS changed_at,
    'opportunity' AS stage,
    "Owner" AS changed_by,
    1 AS seq,
    _file,
    _line
FROM deals
UNION ALL
SELECT
    'opportunity' AS subject_type,
    "Deal" AS subject_id,
    messy_timestamp("Closed") AS changed_at,
    lower("Stage") AS stage,
    "Owner" AS changed_by,
    2 AS seq,
    _file,
    _line
FROM deals
WHERE lower("Stage") IN ('won', 'lost')
