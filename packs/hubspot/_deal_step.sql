-- When each deal came to which stage, from the best source that it has: the history of stages, else property history, else
-- the dates of first entry. Taps of the older API give such a date as an object, and again as a column that ends in __value.
WITH known AS (
    SELECT 1 AS rank, deal_id, value AS stage_id, messy_timestamp(date_entered) AS changed_at, _file, _line FROM deal_stage
    UNION ALL
    SELECT 2, deal_id, value, messy_timestamp("timestamp"), _file, _line FROM deal_property_history WHERE name = 'dealstage'
    UNION ALL
    SELECT 3, deal_id, name, messy_timestamp(coalesce(attr(value, 'value'), value)), _file, _line FROM deal_stage_date
    WHERE right(name, 7) <> '__value'
), dated AS (
    SELECT * FROM known WHERE changed_at IS NOT NULL AND stage_id IS NOT NULL
), best AS (
    SELECT deal_id, min(rank) AS rank FROM dated GROUP BY deal_id
), ordered AS (
    SELECT k.deal_id, s.stage, k.changed_at, k._file, k._line,
        lag(s.stage) OVER (PARTITION BY k.deal_id ORDER BY k.changed_at, k.stage_id) AS before
    FROM dated AS k
    JOIN best AS b ON b.deal_id = k.deal_id AND b.rank = k.rank
    JOIN deals AS d ON d.deal_id = k.deal_id
    JOIN stage AS s ON s.stage_id = k.stage_id
)
-- Two stages of HubSpot may be one stage of the agreement.
SELECT deal_id, stage, changed_at, _file, _line FROM ordered WHERE before IS DISTINCT FROM stage
