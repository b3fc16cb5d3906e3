-- Visits, opened mails, forms and downloads of people who are known. A campaign is the utm_campaign of a link, else the
-- campaign of Mautic that sent it, else the mail itself.
WITH known AS (
    SELECT id
    FROM leads
    WHERE email IS NOT NULL OR messy_timestamp(date_identified) IS NOT NULL
),
hit AS (
    SELECT
        hit.id,
        hit.lead_id,
        messy_timestamp(hit.date_hit) AS occurred_at,
        hit.email_id,
        hit.page_id,
        hit.redirect_id,
        regexp_replace(lower(hit.referer), '^https?://([^/?#]+).*$', '\1') AS from_host,
        regexp_replace(lower(hit.url), '^https?://([^/?#]+).*$', '\1') AS host,
        coalesce(
            regexp_match(hit.query, 's:12:"utm_campaign";s:[0-9]+:"([^"]+)"')[1],
            attr(hit.query, 'utm_campaign'),
            replace(replace(regexp_match(hit.url, '[?&]utm_campaign=([^&#]+)')[1], '+', ' '), '%20', ' ')
        ) AS utm_campaign,
        lower(coalesce(
            regexp_match(hit.query, 's:10:"utm_medium";s:[0-9]+:"([^"]+)"')[1],
            attr(hit.query, 'utm_medium'),
            replace(replace(regexp_match(hit.url, '[?&]utm_medium=([^&#]+)')[1], '+', ' '), '%20', ' ')
        )) AS utm_medium,
        hit.source,
        hit.source_id,
        hit._file,
        hit._line
    FROM page_hits AS hit
    JOIN known ON known.id = hit.lead_id
    WHERE CAST(coalesce(hit.code, '200') AS INT) < 400
)
SELECT
    'hit-' || id AS touchpoint_id,
    lead_id AS person_id,
    occurred_at,
    CASE
        WHEN utm_medium IS NOT NULL THEN utm_medium
        WHEN email_id IS NOT NULL THEN 'email'
        WHEN from_host IS NULL OR from_host = host THEN 'direct'
        WHEN regexp_like(from_host, setting('search_engines')) THEN 'organic'
        ELSE 'referral'
    END AS channel,
    coalesce(utm_campaign, CASE WHEN source = 'campaign' THEN 'campaign-' || source_id END, 'email-' || email_id) AS campaign_id,
    coalesce('page-' || page_id, 'email-' || email_id) AS content_id,
    CASE WHEN email_id IS NOT NULL THEN 'email_click' ELSE 'visit' END AS kind,
    true AS responded,
    _file,
    _line
FROM hit
WHERE setting('page_hits') <> 'landing'
    OR email_id IS NOT NULL
    OR redirect_id IS NOT NULL
    OR utm_campaign IS NOT NULL
    OR utm_medium IS NOT NULL
    OR from_host IS NULL
    OR from_host <> host
UNION ALL
SELECT
    'open-' || mail.id,
    mail.lead_id,
    messy_timestamp(mail.date_read),
    'email',
    coalesce('campaign-' || event.campaign_id, 'email-' || mail.email_id),
    'email-' || mail.email_id,
    'email_open',
    false,
    mail._file,
    mail._line
FROM email_stats AS mail
JOIN known ON known.id = mail.lead_id
LEFT JOIN campaign_events AS event ON mail.source = 'campaign.event' AND event.id = mail.source_id
WHERE any_yes(mail.is_read) = 'true'
    AND any_yes(mail.is_failed) = 'false'
    AND messy_timestamp(mail.date_read) IS NOT NULL
UNION ALL
SELECT
    'form-' || form.id,
    form.lead_id,
    messy_timestamp(form.date_submitted),
    lower(coalesce(replace(replace(regexp_match(form.referer, '[?&]utm_medium=([^&#]+)')[1], '+', ' '), '%20', ' '), 'web')),
    replace(replace(regexp_match(form.referer, '[?&]utm_campaign=([^&#]+)')[1], '+', ' '), '%20', ' '),
    'form-' || form.form_id,
    'form',
    true,
    form._file,
    form._line
FROM form_submissions AS form
JOIN known ON known.id = form.lead_id
UNION ALL
SELECT
    'download-' || download.id,
    download.lead_id,
    messy_timestamp(download.date_download),
    lower(coalesce(download.utm_medium, CASE WHEN download.email_id IS NOT NULL THEN 'email' END, 'web')),
    coalesce(download.utm_campaign, 'email-' || download.email_id),
    'asset-' || download.asset_id,
    'download',
    true,
    download._file,
    download._line
FROM asset_downloads AS download
JOIN known ON known.id = download.lead_id
WHERE CAST(coalesce(download.code, '200') AS INT) < 400
