-- Leads and opportunities with the person and the company behind them. The person is the contact in the address book, if
-- that is one, else what was typed into the lead; so is the company. Lost is archived with a probability of nothing, as
-- Odoo counts it.
SELECT
    lead.id,
    lead.type,
    lead.name,
    CASE WHEN contact.id IS NULL THEN 'lead-' || lead.id ELSE 'partner-' || contact.id END AS person_id,
    coalesce(contact.email, contact.name, lead.email_from, lead.contact_name, lead.phone, lead.mobile) IS NOT NULL AS has_person,
    coalesce('partner-' || company.id, 'name-' || upper(nullif(trim(lead.partner_name), ''))) AS account_id,
    lower(trim(coalesce(contact.email, lead.email_from))) AS email,
    coalesce(contact.name, lead.contact_name) AS contact_name,
    lead.partner_name,
    coalesce(lead."function", contact."function") AS title,
    coalesce(lead.phone, lead.mobile, contact.phone) AS phone,
    coalesce(lead.country_id, contact.country_id) AS country_id,
    lead.user_id,
    lead.team_id,
    lead.stage_id,
    lead.campaign_id,
    lead.medium_id,
    lead.source_id,
    coalesce(attr(source.name, 'en_US'), source.name) AS source,
    messy_money(lead.expected_revenue) AS amount,
    currency.name AS currency,
    messy_date(lead.date_deadline) AS expected_close_on,
    coalesce(attr(reason.name, 'en_US'), reason.name) AS lost_reason,
    any_yes(coalesce(lead.active, 't')) = 'false' AND coalesce(TRY_CAST(lead.probability AS DOUBLE), 0) = 0 AS is_lost,
    messy_timestamp(lead.create_date) AS created_at,
    messy_timestamp(lead.date_open) AS assigned_at,
    messy_timestamp(lead.date_conversion) AS converted_at,
    coalesce(messy_timestamp(lead.date_conversion), messy_timestamp(lead.create_date)) AS opened_at,
    messy_timestamp(lead.date_closed) AS closed_at,
    coalesce(messy_timestamp(lead.date_closed), messy_timestamp(lead.date_last_stage_update), messy_timestamp(lead.write_date)) AS ended_at,
    lead._file,
    lead._line
FROM crm_lead AS lead
LEFT JOIN res_partner AS contact ON contact.id = lead.partner_id AND any_yes(contact.is_company) = 'false'
LEFT JOIN res_partner AS partner ON partner.id = lead.partner_id
LEFT JOIN res_partner AS company ON company.id = partner.commercial_partner_id AND any_yes(company.is_company) = 'true'
LEFT JOIN utm_source AS source ON source.id = lead.source_id
LEFT JOIN crm_lost_reason AS reason ON reason.id = coalesce(lead.lost_reason_id, lead.lost_reason)
LEFT JOIN res_company AS house ON house.id = coalesce(lead.company_id, (SELECT CAST(min(CAST(id AS BIGINT)) AS VARCHAR) FROM res_company))
LEFT JOIN res_currency AS currency ON currency.id = house.currency_id
