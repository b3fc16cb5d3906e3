-- Engagements, one row each, with the first contact and the first deal that they are about.
WITH done AS (
    SELECT engagement_id, messy_timestamp(hs_timestamp) AS occurred_at, hubspot_owner_id AS user_id, 'call' AS kind,
        CASE WHEN lower(hs_call_direction) = 'inbound' THEN 'inbound' ELSE 'outbound' END AS direction, 'false' AS automated,
        hs_call_disposition AS outcome, _file, _line
    FROM engagement_call WHERE any_yes(_fivetran_deleted) = 'false'
    UNION ALL
    SELECT engagement_id, messy_timestamp(hs_timestamp), hubspot_owner_id, 'email',
        CASE WHEN upper(hs_email_direction) LIKE 'INCOMING%' THEN 'inbound' ELSE 'outbound' END, 'false', hs_email_status, _file, _line
    FROM engagement_email WHERE any_yes(_fivetran_deleted) = 'false'
    UNION ALL
    SELECT engagement_id, messy_timestamp(hs_timestamp), hubspot_owner_id, 'meeting', 'outbound', 'false', hs_meeting_outcome, _file, _line
    FROM engagement_meeting WHERE any_yes(_fivetran_deleted) = 'false'
    UNION ALL
    SELECT engagement_id, CASE WHEN upper(hs_task_status) = 'COMPLETED' THEN messy_timestamp(hs_task_completion_date) END, hubspot_owner_id,
        coalesce(lower(hs_task_type), 'task'), 'outbound', 'false', CAST(NULL AS varchar), _file, _line
    FROM engagement_task WHERE any_yes(_fivetran_deleted) = 'false'
), people AS (
    SELECT e.engagement_id, min(e.contact_id) AS contact_id
    FROM engagement_contact AS e
    JOIN contacts AS c ON c.id = e.contact_id
    GROUP BY e.engagement_id
), about AS (
    SELECT e.engagement_id, min(e.deal_id) AS deal_id
    FROM engagement_deal AS e
    JOIN deals AS d ON d.deal_id = e.deal_id
    GROUP BY e.engagement_id
)
SELECT d.*, p.contact_id, a.deal_id
FROM done AS d
LEFT JOIN people AS p ON p.engagement_id = d.engagement_id
LEFT JOIN about AS a ON a.engagement_id = d.engagement_id
