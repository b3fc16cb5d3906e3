-- The log of campaigns: what people did with mails, links and forms.
SELECT
    log.id AS touchpoint_id,
    log.parent_id AS person_id,
    messy_timestamp(log.action_date) AS occurred_at,
    CASE WHEN log.action IN ('Opened', 'Clicked') THEN 'email' ELSE lower(coalesce(campaign.type, 'web')) END AS channel,
    log.campaign_id,
    log.object_id AS content_id,
    lower(replace(log.action, ' ', '_')) AS kind,
    setting('responses', log.action) AS responded,
    log._file,
    log._line
FROM campaign_log_record AS log
LEFT JOIN campaign ON campaign.id = log.campaign_id
WHERE log.parent_type IN ('Lead', 'Contact')
    AND setting('touches', log.action) = 'true'
    AND any_yes(log.is_test) = 'false'
    AND any_yes(log.deleted) = 'false'
