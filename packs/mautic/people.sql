-- Contacts that are known: with a mail address, or identified. A person begins when identified, not at the first visit.
WITH employer AS (
    SELECT lead_id, company_id
    FROM (
        SELECT
            lead_id,
            company_id,
            row_number() OVER (
                PARTITION BY lead_id
                ORDER BY any_yes(is_primary) = 'true' DESC, messy_timestamp(date_added) DESC, company_id
            ) AS turn
        FROM companies_leads
    )
    WHERE turn = 1
),
first_tag AS (
    SELECT lead_id, utm_source, utm_campaign
    FROM (
        SELECT *, row_number() OVER (PARTITION BY lead_id ORDER BY messy_timestamp(date_added), CAST(id AS BIGINT)) AS turn
        FROM lead_utmtags
        WHERE coalesce(utm_source, utm_campaign) IS NOT NULL
    )
    WHERE turn = 1
),
refusal AS (
    SELECT lead_id, CASE min(reason) WHEN '2' THEN 'bounced' ELSE 'opted out' END AS consent
    FROM lead_donotcontact
    WHERE channel = 'email'
    GROUP BY lead_id
)
SELECT
    contact.id AS person_id,
    coalesce('company-' || employer.company_id, 'name-' || upper(nullif(trim(contact.company), ''))) AS account_id,
    lower(trim(contact.email)) AS email,
    nullif(trim(coalesce(contact.firstname, '') || ' ' || coalesce(contact.lastname, '')), '') AS name,
    contact.position AS title,
    coalesce(contact.phone, contact.mobile) AS phone,
    contact.country,
    coalesce(messy_timestamp(contact.date_identified), messy_timestamp(contact.date_added)) AS created_at,
    first_tag.utm_source AS lead_source,
    first_tag.utm_campaign AS campaign_id,
    contact.owner_id,
    refusal.consent,
    contact.points,
    contact._file,
    contact._line
FROM leads AS contact
LEFT JOIN employer ON employer.lead_id = contact.id
LEFT JOIN first_tag ON first_tag.lead_id = contact.id
LEFT JOIN refusal ON refusal.lead_id = contact.id
WHERE contact.email IS NOT NULL OR messy_timestamp(contact.date_identified) IS NOT NULL
