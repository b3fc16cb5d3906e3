SELECT
    *,
    messy_timestamp(created_at) AS began_at,
    coalesce(
        setting('opportunity_stage', stage),
        CASE lower(status) WHEN 'won' THEN 'won' WHEN 'lost' THEN 'lost' END
    ) AS outcome
FROM opportunity
WHERE any_yes(setting('crm_in_record')) = 'false'
