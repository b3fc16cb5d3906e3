-- Members of campaigns, with the time of their status.
SELECT
    coalesce(
        replace(member.id, 'zcrm_', ''),
        replace(member.campaign_id, 'zcrm_', '') || '-' || replace(coalesce(member.lead_id, member.contact_id), 'zcrm_', '')
    ) AS touchpoint_id,
    replace(coalesce(member.lead_id, member.contact_id), 'zcrm_', '') AS person_id,
    coalesce(messy_timestamp(member.modified_time), messy_timestamp(member.created_time)) AS occurred_at,
    lower(campaign.type) AS channel,
    replace(member.campaign_id, 'zcrm_', '') AS campaign_id,
    lower(member.member_status) AS kind,
    setting('responses', member.member_status) AS responded,
    member._file,
    member._line
FROM campaign_members AS member
LEFT JOIN campaigns AS campaign ON replace(campaign.id, 'zcrm_', '') = replace(member.campaign_id, 'zcrm_', '')
WHERE coalesce(member.lead_id, member.contact_id) IS NOT NULL
