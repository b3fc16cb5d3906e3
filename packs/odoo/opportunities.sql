-- A row of crm_lead is an opportunity from its conversion on, or from its creation if it was never a lead.
SELECT
    lead.id AS opportunity_id,
    lead.account_id,
    lead.name,
    coalesce(attr(team.name, 'en_US'), team.name) AS territory,
    lead.user_id AS owner_id,
    lead.opened_at AS created_at,
    lead.amount,
    lead.currency,
    lead.expected_close_on,
    lead.campaign_id,
    lead.source AS lead_source,
    lead.lost_reason AS loss_reason,
    lead._file,
    lead._line
FROM lead
LEFT JOIN crm_team AS team ON team.id = lead.team_id
WHERE lead.type = 'opportunity'
