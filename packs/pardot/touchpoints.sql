SELECT
    concat('pardot/', v.id) AS touchpoint_id,
    p.person_id,
    messy_timestamp(v.created_at) AS occurred_at,
    CASE WHEN v.email_id IS NOT NULL OR v.type = '11' THEN 'email' ELSE 'website' END AS channel,
    CASE WHEN v.campaign_id IS NOT NULL THEN concat('pardot/', v.campaign_id) END AS campaign_id,
    CASE
        WHEN v.file_id IS NOT NULL THEN concat('file/', v.file_id)
        WHEN v.form_id IS NOT NULL THEN concat('form/', v.form_id)
        WHEN v.form_handler_id IS NOT NULL THEN concat('handler/', v.form_handler_id)
        WHEN v.landing_page_id IS NOT NULL THEN concat('page/', v.landing_page_id)
    END AS content_id,
    lower(v.type_name) AS kind,
    setting('responses', v.type) AS responded,
    v.type AS activity_type,
    v._file,
    v._line
FROM visitor_activity AS v
JOIN person AS p ON p.id = v.prospect_id
WHERE setting('responses', v.type) = 'true' OR setting('touches', v.type) = 'true'
