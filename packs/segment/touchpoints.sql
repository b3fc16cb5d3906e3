-- Visits, and the events that count, of people who are known.
SELECT
    type || '-' || id AS touchpoint_id,
    person_id,
    at AS occurred_at,
    CASE
        WHEN medium IS NOT NULL THEN medium
        WHEN type = 'track' THEN 'web'
        WHEN from_host IS NULL OR from_host = host THEN 'direct'
        WHEN regexp_like(from_host, setting('search_engines')) THEN 'organic'
        ELSE 'referral'
    END AS channel,
    campaign AS campaign_id,
    regexp_replace(url, '[?#].*$', '') AS content_id,
    CASE type WHEN 'page' THEN 'visit' ELSE lower(replace(event, ' ', '_')) END AS kind,
    type = 'page' OR setting('seen', event) = 'false' AS responded,
    _file,
    _line
FROM message
WHERE (
        type = 'page'
        AND (setting('page_views') <> 'landing' OR campaign IS NOT NULL OR medium IS NOT NULL OR from_host IS NULL OR from_host <> host)
    )
    OR (type = 'track' AND (setting('events', event) = 'true' OR setting('seen', event) = 'true'))
