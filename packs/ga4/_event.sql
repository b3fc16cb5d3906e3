-- Events of people who are known, with their tags: those that came with the event, else those of the session. Parameters
-- are a list of keys and values.
SELECT *, is_visit OR setting('events', event_name) = 'true' AS is_touch
FROM (
    SELECT
        user_id,
        event_name,
        event_timestamp,
        messy_timestamp(event_timestamp) AS at,
        user_pseudo_id,
        coalesce(batch_event_index, batch_ordering_id, event_bundle_sequence_id, '0') AS place,
        coalesce(page_location, regexp_match(event_params, '"key": *"page_location"[^}]*"string_value": *"([^"]*)"')[1]) AS url,
        coalesce(page_title, regexp_match(event_params, '"key": *"page_title"[^}]*"string_value": *"([^"]*)"')[1]) AS title,
        nullif(nullif(nullif(coalesce(
            attr(collected_traffic_source, 'manual_campaign_name'),
            regexp_match(event_params, '"key": *"campaign"[^}]*"string_value": *"([^"]*)"')[1],
            attr(attr(session_traffic_source_last_click, 'manual_campaign'), 'campaign_name')
        ), '(direct)'), '(organic)'), '(not set)') AS campaign,
        lower(nullif(nullif(coalesce(
            attr(collected_traffic_source, 'manual_medium'),
            regexp_match(event_params, '"key": *"medium"[^}]*"string_value": *"([^"]*)"')[1],
            attr(attr(session_traffic_source_last_click, 'manual_campaign'), 'medium')
        ), '(none)'), '(not set)')) AS medium,
        event_name = 'session_start'
            OR (event_name = 'page_view' AND coalesce(regexp_like(event_params, '"key": *"entrances"[^}]*"int_value": *"?1"?'), false)) AS is_visit,
        _file,
        _line
    FROM events
    WHERE user_id IS NOT NULL
)
