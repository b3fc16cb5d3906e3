-- Activities that are touches, with whether they are responses.
SELECT id, lead_id, activity_date, campaign_id, 'website' AS channel, 'fill out form' AS kind, 'true' AS responded, coalesce(webform_id, primary_attribute_value_id) AS content_id, _file, _line FROM fill_out_form
UNION ALL
SELECT id, lead_id, activity_date, campaign_id, 'email', 'click email', 'true', email_template_id, _file, _line FROM click_email WHERE any_yes(is_bot_activity) = 'false'
UNION ALL
SELECT id, lead_id, activity_date, campaign_id, 'email', 'open email', 'false', email_template_id, _file, _line FROM open_email WHERE any_yes(is_bot_activity) = 'false'
UNION ALL
SELECT id, lead_id, activity_date, campaign_id, 'website', 'visit webpage', 'false', primary_attribute_value_id, _file, _line FROM visit_webpage
UNION ALL
SELECT id, lead_id, activity_date, campaign_id, 'sales', coalesce(lower(type), 'interesting moment'), 'false', NULL, _file, _line FROM interesting_moment
