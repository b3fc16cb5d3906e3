-- Leads and contacts. merges.sql says which of them are the same person.
WITH mail AS (
    SELECT bean_id, bean_module, address, opted_out
    FROM (
        SELECT
            link.bean_id,
            link.bean_module,
            lower(trim(mail.email_address)) AS address,
            any_yes(mail.opt_out) = 'true' AS opted_out,
            row_number() OVER (
                PARTITION BY link.bean_module, link.bean_id
                ORDER BY any_yes(link.primary_address) = 'true' DESC, mail.email_address
            ) AS turn
        FROM email_addr_bean_rel AS link
        JOIN email_addresses AS mail ON mail.id = link.email_address_id AND any_yes(mail.deleted) = 'false'
        WHERE any_yes(link.deleted) = 'false'
    )
    WHERE turn = 1
),
employer AS (
    -- The newest account of a contact.
    SELECT contact_id, account_id
    FROM (
        SELECT
            contact_id,
            account_id,
            row_number() OVER (PARTITION BY contact_id ORDER BY messy_timestamp(date_modified) DESC, account_id) AS turn
        FROM accounts_contacts
        WHERE any_yes(deleted) = 'false'
    )
    WHERE turn = 1
)
SELECT
    lead.id AS person_id,
    coalesce(lead.account_id, employer.account_id, 'name-' || upper(nullif(trim(lead.account_name), ''))) AS account_id,
    mail.address AS email,
    nullif(trim(coalesce(lead.first_name, '') || ' ' || coalesce(lead.last_name, '')), '') AS name,
    lead.title,
    coalesce(lead.phone_work, lead.phone_mobile) AS phone,
    lead.primary_address_country AS country,
    messy_timestamp(lead.date_entered) AS created_at,
    lead.lead_source,
    lead.campaign_id,
    lead.assigned_user_id AS owner_id,
    CASE WHEN mail.opted_out THEN 'opted out' END AS consent,
    lead._file,
    lead._line
FROM leads AS lead
LEFT JOIN mail ON mail.bean_id = lead.id AND mail.bean_module = 'Leads'
LEFT JOIN employer ON employer.contact_id = lead.contact_id
WHERE any_yes(lead.deleted) = 'false'
UNION ALL
SELECT
    contact.id,
    employer.account_id,
    mail.address,
    nullif(trim(coalesce(contact.first_name, '') || ' ' || coalesce(contact.last_name, '')), ''),
    contact.title,
    coalesce(contact.phone_work, contact.phone_mobile),
    contact.primary_address_country,
    messy_timestamp(contact.date_entered),
    contact.lead_source,
    contact.campaign_id,
    contact.assigned_user_id,
    CASE WHEN mail.opted_out THEN 'opted out' END,
    contact._file,
    contact._line
FROM contacts AS contact
LEFT JOIN mail ON mail.bean_id = contact.id AND mail.bean_module = 'Contacts'
LEFT JOIN employer ON employer.contact_id = contact.id
WHERE any_yes(contact.deleted) = 'false'
