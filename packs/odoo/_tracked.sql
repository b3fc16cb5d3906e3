-- Changes of fields of leads: mail_tracking_value, by way of the message and the name of the field (field_id since
-- version 17, field before; before 14 it was the name itself).
SELECT
    message.res_id AS lead_id,
    messy_timestamp(message.date) AS changed_at,
    coalesce(field.name, value.field_id, value.field) AS field,
    CAST(value.id AS BIGINT) AS seq,
    value.old_value_integer,
    value.new_value_integer,
    value.old_value_char,
    value.new_value_char,
    coalesce(value.old_value_float, value.old_value_monetary) AS old_amount,
    coalesce(value.new_value_float, value.new_value_monetary) AS new_amount,
    messy_date(value.old_value_datetime) AS old_day,
    messy_date(value.new_value_datetime) AS new_day,
    author.id AS changed_by,
    value._file,
    value._line
FROM mail_tracking_value AS value
JOIN mail_message AS message ON message.id = value.mail_message_id AND message.model = 'crm.lead'
LEFT JOIN ir_model_fields AS field ON field.id = coalesce(value.field_id, value.field)
LEFT JOIN res_users AS author ON author.partner_id = message.author_id
