-- Pages and events, each message once, with the person behind it: the user, else the first person who identified
-- themselves behind that anonymous id afterwards, else the last one before.
WITH raw AS (
    SELECT
        'page' AS type, id, user_id, anonymous_id, messy_timestamp("timestamp") AS at, received_at, url, referrer, title,
        CAST(NULL AS VARCHAR) AS event, context_campaign_name AS campaign, context_campaign_source AS source,
        lower(context_campaign_medium) AS medium, lower(context_user_agent) AS agent, _file, _line
    FROM pages
    UNION ALL
    SELECT
        'track', id, user_id, anonymous_id, messy_timestamp("timestamp"), received_at, context_page_url, CAST(NULL AS VARCHAR),
        CAST(NULL AS VARCHAR), replace(coalesce(event_text, event), '_', ' '), context_campaign_name, context_campaign_source,
        lower(context_campaign_medium), lower(context_user_agent), _file, _line
    FROM tracks
),
once AS (
    SELECT *
    FROM (SELECT *, row_number() OVER (PARTITION BY type, id ORDER BY received_at, _line) AS delivery FROM raw)
    WHERE delivery = 1 AND (agent IS NULL OR NOT regexp_like(agent, setting('bots')))
)
SELECT *
FROM (
    SELECT
        once.*,
        coalesce(once.user_id, link.person_id) AS person_id,
        regexp_replace(lower(once.url), '^https?://([^/?#]+).*$', '\1') AS host,
        regexp_replace(lower(nullif(once.referrer, '')), '^https?://([^/?#]+).*$', '\1') AS from_host,
        row_number() OVER (
            PARTITION BY once.type, once.id
            ORDER BY link.since >= once.at DESC, CASE WHEN link.since >= once.at THEN link.since END, link.since DESC, link.person_id
        ) AS choice
    FROM once
    LEFT JOIN link ON once.user_id IS NULL AND link.anonymous_id = once.anonymous_id
)
WHERE choice = 1 AND person_id IS NOT NULL
