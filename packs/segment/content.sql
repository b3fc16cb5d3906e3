-- Pages, by their address without its query.
SELECT regexp_replace(url, '[?#].*$', '') AS content_id, max(title) AS title, 'page' AS kind, min(_file) AS _file, min(_line) AS _line
FROM message
WHERE type = 'page' AND url IS NOT NULL
GROUP BY regexp_replace(url, '[?#].*$', '')
