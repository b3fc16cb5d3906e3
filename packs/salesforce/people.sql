-- A lead and the contact that it became are one person with the id and the beginning of the lead; what is newer, the
-- contact says. A contact that was there before stands for itself, and leads converted into it are merged (merges.sql).
SELECT
    l.id AS person_id,
    coalesce(c.account_id, l.converted_account_id) AS account_id,
    lower(trim(coalesce(c.email, l.email))) AS email,
    coalesce(c.name, l.name, nullif(trim(concat(coalesce(l.first_name, ''), ' ', coalesce(l.last_name, ''))), '')) AS name,
    coalesce(c.title, l.title) AS title,
    coalesce(c.phone, l.phone) AS phone,
    coalesce(c.mailing_country, l.country) AS country,
    messy_timestamp(l.created_date) AS created_at,
    coalesce(l.lead_source, c.lead_source) AS lead_source,
    coalesce(c.owner_id, l.owner_id) AS owner_id,
    CASE any_yes(l.has_opted_out_of_email, c.has_opted_out_of_email) WHEN 'true' THEN 'opted out' END AS consent,
    l.company,
    l.industry AS lead_industry,
    l.rating,
    l.status AS lead_status,
    l._file,
    l._line
FROM leads AS l
LEFT JOIN conversion AS v ON v.lead_id = l.id
LEFT JOIN contacts AS c ON c.id = v.contact_id
UNION ALL
SELECT
    c.id,
    c.account_id,
    lower(trim(c.email)),
    coalesce(c.name, nullif(trim(concat(coalesce(c.first_name, ''), ' ', coalesce(c.last_name, ''))), '')),
    c.title,
    c.phone,
    c.mailing_country,
    messy_timestamp(c.created_date),
    c.lead_source,
    c.owner_id,
    CASE any_yes(c.has_opted_out_of_email) WHEN 'true' THEN 'opted out' END,
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    CAST(NULL AS varchar),
    c._file,
    c._line
FROM contacts AS c
LEFT JOIN conversion AS v ON v.contact_id = c.id
WHERE v.contact_id IS NULL
