-- Two changes a deal: it becomes an opportunity when an agent engages, and it is won or lost when it closes.
-- A deal that closes on the day it began has both at the same midnight; seq keeps them in order.
SELECT
    'opportunity' AS subject_type,
    opportunity_id AS subject_id,
    messy_timestamp(engage_date) AS changed_at,
    'opportunity' AS stage,
    sales_agent AS changed_by,
    1 AS seq,
    _file,
    _line
FROM sales_pipeline
WHERE engage_date IS NOT NULL
UNION ALL
SELECT
    'opportunity' AS subject_type,
    opportunity_id AS subject_id,
    messy_timestamp(close_date) AS changed_at,
    CASE deal_stage WHEN 'Won' THEN 'won' ELSE 'lost' END AS stage,
    sales_agent AS changed_by,
    2 AS seq,
    _file,
    _line
FROM sales_pipeline
WHERE deal_stage IN ('Won', 'Lost') AND engage_date IS NOT NULL
