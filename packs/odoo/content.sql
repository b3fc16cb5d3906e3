-- Mailings.
SELECT
    'mailing-' || id AS content_id,
    coalesce(attr(subject, 'en_US'), subject) AS title,
    'email' AS kind,
    messy_date(sent_date) AS published_on,
    _file,
    _line
FROM mailing_mailing
