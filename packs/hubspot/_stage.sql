-- What each stage of a deal means: as the settings say by id or label, else won or lost as the pipeline says, else its label.
SELECT
    stage_id,
    coalesce(
        setting('deal_stage', stage_id),
        setting('deal_stage', max(label)),
        CASE WHEN max(won) = 'true' THEN 'won' WHEN max(closed) = 'true' THEN 'lost' END,
        max(label),
        stage_id
    ) AS stage
FROM (
    SELECT stage_id, label, messy_flag(closed_won) AS won, messy_flag(is_closed) AS closed FROM deal_pipeline_stage
    UNION ALL
    SELECT stage_id, NULL, messy_flag(is_won), messy_flag(is_closed) FROM deals
    UNION ALL
    SELECT value, NULL, NULL, NULL FROM deal_stage
    UNION ALL
    SELECT name, NULL, NULL, NULL FROM deal_stage_date WHERE right(name, 7) <> '__value'
    UNION ALL
    SELECT value, NULL, NULL, NULL FROM deal_property_history WHERE name = 'dealstage'
)
WHERE stage_id IS NOT NULL
GROUP BY stage_id
