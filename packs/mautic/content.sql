-- Pages, mails, forms and assets.
SELECT 'page-' || id AS content_id, title, 'page' AS kind, messy_date(publish_up) AS published_on, _file, _line FROM pages
UNION ALL
SELECT 'email-' || id, coalesce(subject, name), 'email', messy_date(publish_up), _file, _line FROM emails
UNION ALL
SELECT 'form-' || id, name, 'form', messy_date(publish_up), _file, _line FROM forms
UNION ALL
SELECT 'asset-' || id, title, 'asset', messy_date(publish_up), _file, _line FROM assets
