-- The log of campaigns: what leads, contacts, and targets that became leads did with mails, links and forms.
SELECT
    log.id AS touchpoint_id,
    CASE WHEN log.target_type = 'Prospects' THEN target.lead_id ELSE log.target_id END AS person_id,
    messy_timestamp(log.activity_date) AS occurred_at,
    CASE WHEN log.activity_type IN ('viewed', 'link') THEN coalesce(setting('channels', campaign.campaign_type), lower(campaign.campaign_type), 'email') ELSE 'web' END AS channel,
    log.campaign_id,
    CASE WHEN log.related_type = 'CampaignTrackers' THEN log.related_id END AS content_id,
    CASE log.activity_type WHEN 'viewed' THEN 'email_open' WHEN 'link' THEN 'click' WHEN 'lead' THEN 'form' WHEN 'contact' THEN 'form' ELSE lower(log.activity_type) END AS kind,
    setting('responses', log.activity_type) AS responded,
    log._file,
    log._line
FROM campaign_log AS log
LEFT JOIN campaigns AS campaign ON campaign.id = log.campaign_id
LEFT JOIN prospects AS target ON log.target_type = 'Prospects' AND target.id = log.target_id
WHERE (log.target_type IN ('Leads', 'Contacts') OR target.lead_id IS NOT NULL)
    AND setting('touches', log.activity_type) = 'true'
    AND any_yes(log.deleted) = 'false'
