-- Leads and contacts. merges.sql says which of them are the same person.
WITH mail AS (
    SELECT entity_id, entity_type, address, opted_out
    FROM (
        SELECT
            link.entity_id,
            link.entity_type,
            address.lower AS address,
            any_yes(address.opt_out) = 'true' AS opted_out,
            row_number() OVER (
                PARTITION BY link.entity_type, link.entity_id
                ORDER BY any_yes(link."primary") = 'true' DESC, address.lower
            ) AS turn
        FROM entity_email_address AS link
        JOIN email_address AS address ON address.id = link.email_address_id
        WHERE any_yes(link.deleted) = 'false'
    )
    WHERE turn = 1
),
phone AS (
    SELECT entity_id, entity_type, digits
    FROM (
        SELECT
            link.entity_id,
            link.entity_type,
            number.name AS digits,
            row_number() OVER (
                PARTITION BY link.entity_type, link.entity_id
                ORDER BY any_yes(link."primary") = 'true' DESC, number.name
            ) AS turn
        FROM entity_phone_number AS link
        JOIN phone_number AS number ON number.id = link.phone_number_id
        WHERE any_yes(link.deleted) = 'false'
    )
    WHERE turn = 1
)
SELECT
    lead.id AS person_id,
    coalesce(lead.created_account_id, 'name-' || upper(nullif(trim(lead.account_name), ''))) AS account_id,
    mail.address AS email,
    nullif(trim(coalesce(lead.first_name, '') || ' ' || coalesce(lead.last_name, '')), '') AS name,
    lead.title,
    phone.digits AS phone,
    lead.address_country AS country,
    messy_timestamp(lead.created_at) AS created_at,
    lead.source AS lead_source,
    lead.campaign_id,
    lead.assigned_user_id AS owner_id,
    CASE WHEN mail.opted_out THEN 'opted out' END AS consent,
    lead._file,
    lead._line
FROM lead
LEFT JOIN mail ON mail.entity_id = lead.id AND mail.entity_type = 'Lead'
LEFT JOIN phone ON phone.entity_id = lead.id AND phone.entity_type = 'Lead'
WHERE any_yes(lead.deleted) = 'false'
UNION ALL
SELECT
    contact.id,
    contact.account_id,
    mail.address,
    nullif(trim(coalesce(contact.first_name, '') || ' ' || coalesce(contact.last_name, '')), ''),
    role.role,
    phone.digits,
    contact.address_country,
    messy_timestamp(contact.created_at),
    CAST(NULL AS VARCHAR),
    contact.campaign_id,
    contact.assigned_user_id,
    CASE WHEN mail.opted_out THEN 'opted out' END,
    contact._file,
    contact._line
FROM contact
LEFT JOIN mail ON mail.entity_id = contact.id AND mail.entity_type = 'Contact'
LEFT JOIN phone ON phone.entity_id = contact.id AND phone.entity_type = 'Contact'
LEFT JOIN (
    SELECT account_id, contact_id, min(role) AS role
    FROM account_contact
    WHERE any_yes(deleted) = 'false'
    GROUP BY account_id, contact_id
) AS role ON role.contact_id = contact.id AND role.account_id = contact.account_id
WHERE any_yes(contact.deleted) = 'false'
