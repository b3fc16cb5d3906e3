-- Form submissions, which are responses, and the e-mail events that the settings name. What HubSpot filtered as of machines
-- is left out.
SELECT
    concat('form/', coalesce(f.conversion_id, concat(f.contact_id, '/', f.form_id, '/', messy_timestamp(f."timestamp")))) AS touchpoint_id,
    f.contact_id AS person_id,
    messy_timestamp(f."timestamp") AS occurred_at,
    'website' AS channel,
    CAST(NULL AS varchar) AS campaign_id,
    f.form_id AS content_id,
    'form submission' AS kind,
    'true' AS responded,
    f.page_url,
    f._file,
    f._line
FROM form_submission AS f
JOIN contacts AS c ON c.id = f.contact_id
UNION ALL
SELECT
    concat('email/', e.id),
    m.id,
    messy_timestamp(e.created),
    'email',
    e.email_campaign_id,
    CAST(NULL AS varchar),
    lower(e.type),
    setting('email_responses', e.type),
    CAST(NULL AS varchar),
    e._file,
    e._line
FROM email_event AS e
JOIN mailbox AS m ON m.email = lower(trim(e.recipient))
WHERE any_yes(e.filtered_event) = 'false' AND setting('email_touches', e.type) = 'true'
