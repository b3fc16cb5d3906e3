-- Links that campaigns track.
SELECT id AS content_id, tracker_name AS title, 'link' AS kind, _file, _line
FROM campaign_trkrs
WHERE any_yes(deleted) = 'false'
