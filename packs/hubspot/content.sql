SELECT
    guid AS content_id,
    name AS title,
    'form' AS kind,
    messy_date(created_at) AS published_on,
    _file,
    _line
FROM form
