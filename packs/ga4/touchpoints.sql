-- The first page of a visit, and the events that are responses. The start of a session only counts where no page says
-- that it was the entrance.
WITH touch AS (
    SELECT
        *,
        count(*) FILTER (WHERE event_name = 'page_view') OVER (PARTITION BY user_pseudo_id, event_timestamp) AS pages
    FROM event
    WHERE is_touch
)
SELECT
    'ga4-' || user_pseudo_id || '-' || event_timestamp || '-' || event_name || '-' || place AS touchpoint_id,
    user_id AS person_id,
    at AS occurred_at,
    CASE WHEN medium IS NOT NULL THEN medium WHEN is_visit THEN 'direct' ELSE 'web' END AS channel,
    campaign AS campaign_id,
    regexp_replace(url, '[?#].*$', '') AS content_id,
    CASE WHEN is_visit THEN 'visit' ELSE event_name END AS kind,
    true AS responded,
    _file,
    _line
FROM touch
WHERE event_name <> 'session_start' OR pages = 0
