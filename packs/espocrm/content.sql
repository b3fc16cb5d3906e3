-- Links that campaigns track.
SELECT id AS content_id, name AS title, 'link' AS kind, _file, _line
FROM campaign_tracking_url
WHERE any_yes(deleted) = 'false'
