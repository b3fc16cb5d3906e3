-- The visit that made a lead, with its tags, and what people did with mailings.
WITH reached AS (
    SELECT
        trace.id,
        coalesce(lead.person_id, known.person_id) AS person_id,
        trace.campaign_id,
        trace.mass_mailing_id,
        messy_timestamp(trace.open_datetime) AS opened_at,
        messy_timestamp(trace.links_click_datetime) AS clicked_at,
        messy_timestamp(trace.reply_datetime) AS replied_at,
        trace._file,
        trace._line
    FROM mailing_trace AS trace
    LEFT JOIN lead ON trace.model = 'crm.lead' AND lead.id = trace.res_id
    LEFT JOIN (SELECT DISTINCT person_id FROM lead) AS known ON trace.model = 'res.partner' AND known.person_id = 'partner-' || trace.res_id
)
SELECT
    'lead-' || lead.id AS touchpoint_id,
    lead.person_id,
    lead.created_at AS occurred_at,
    lower(coalesce(attr(medium.name, 'en_US'), medium.name)) AS channel,
    lead.campaign_id,
    CAST(NULL AS VARCHAR) AS content_id,
    'lead_created' AS kind,
    true AS responded,
    lead._file,
    lead._line
FROM lead
LEFT JOIN utm_medium AS medium ON medium.id = lead.medium_id
WHERE lead.has_person AND coalesce(lead.campaign_id, lead.medium_id, lead.source_id) IS NOT NULL
UNION ALL
SELECT 'open-' || id, person_id, opened_at, 'email', campaign_id, 'mailing-' || mass_mailing_id, 'email_open', false, _file, _line
FROM reached
WHERE person_id IS NOT NULL AND opened_at IS NOT NULL
UNION ALL
SELECT 'click-' || id, person_id, clicked_at, 'email', campaign_id, 'mailing-' || mass_mailing_id, 'email_click', true, _file, _line
FROM reached
WHERE person_id IS NOT NULL AND clicked_at IS NOT NULL
UNION ALL
SELECT 'reply-' || id, person_id, replied_at, 'email', campaign_id, 'mailing-' || mass_mailing_id, 'email_reply', true, _file, _line
FROM reached
WHERE person_id IS NOT NULL AND replied_at IS NOT NULL
