-- Contacts with plain ids.
SELECT
    replace(contact.id, 'zcrm_', '') AS id,
    nullif(trim(coalesce(contact.first_name, '') || ' ' || coalesce(contact.last_name, '')), '') AS name,
    replace(coalesce(contact.owner_id, attr(contact.owner, 'id'), contact.owner), 'zcrm_', '') AS owner_id,
    coalesce(
        replace(coalesce(contact.account_id, attr(contact.account_name, 'id')), 'zcrm_', ''),
        account.id,
        'name-' || upper(nullif(trim(contact.account_name), ''))
    ) AS account_id,
    contact.title,
    lower(trim(contact.email)) AS email,
    coalesce(contact.phone, contact.mobile) AS phone,
    contact.mailing_country AS country,
    contact.lead_source,
    messy_timestamp(contact.created_time) AS created_at,
    messy_flag(contact.email_opt_out) AS opted_out,
    contact._file,
    contact._line
FROM contacts AS contact
LEFT JOIN account_name AS account ON account.name = lower(trim(contact.account_name))
