-- What each stage of an opportunity means: as the settings say, else won or lost as Salesforce says, else its own name,
-- which the agreement may know as an alias.
SELECT
    stage_name,
    coalesce(
        setting('opportunity_stage', stage_name),
        CASE WHEN max(won) = 'true' THEN 'won' WHEN max(closed) = 'true' THEN 'lost' END,
        stage_name
    ) AS stage
FROM (
    SELECT stage_name, messy_flag(is_won) AS won, messy_flag(is_closed) AS closed FROM opportunity
    UNION ALL
    SELECT master_label, messy_flag(is_won), messy_flag(is_closed) FROM opportunity_stage
    UNION ALL
    SELECT api_name, messy_flag(is_won), messy_flag(is_closed) FROM opportunity_stage
    UNION ALL
    SELECT stage_name, NULL, NULL FROM opportunity_history
    UNION ALL
    SELECT stage_name, NULL, NULL FROM opportunity_version
    UNION ALL
    SELECT new_value, NULL, NULL FROM opportunity_field_history WHERE field = 'StageName'
    UNION ALL
    SELECT old_value, NULL, NULL FROM opportunity_field_history WHERE field = 'StageName'
)
WHERE stage_name IS NOT NULL
GROUP BY stage_name
