-- A lead and the contact that it was converted to are one person. The older row is kept, as the attempt began with it:
-- mostly the lead, but the contact where a lead was converted to one that was there already.
WITH converted AS (
    SELECT parent_id AS lead_id, min(messy_timestamp(date_created)) AS at
    FROM leads_audit
    WHERE (field_name = 'status' AND after_value_string = 'Converted') OR (field_name = 'converted' AND after_value_string = '1')
    GROUP BY parent_id
),
member AS (
    SELECT
        lead.contact_id,
        lead.id,
        messy_timestamp(lead.date_entered) AS created_at,
        coalesce(
            converted.at,
            CASE WHEN messy_timestamp(contact.date_entered) >= messy_timestamp(lead.date_entered) THEN messy_timestamp(contact.date_entered) END,
            messy_timestamp(lead.date_modified)
        ) AS merged_at,
        lead._file,
        lead._line
    FROM leads AS lead
    JOIN contacts AS contact ON contact.id = lead.contact_id AND any_yes(contact.deleted) = 'false'
    LEFT JOIN converted ON converted.lead_id = lead.id
    WHERE any_yes(lead.deleted) = 'false'
    UNION ALL
    SELECT id AS contact_id, id AS id, messy_timestamp(date_entered), CAST(NULL AS VARCHAR), _file, _line
    FROM contacts
    WHERE any_yes(deleted) = 'false'
),
ranked AS (
    SELECT
        *,
        first_value(id) OVER (PARTITION BY contact_id ORDER BY created_at, id = contact_id, id) AS into_id,
        min(merged_at) OVER (PARTITION BY contact_id) AS first_merge
    FROM member
)
SELECT 'person' AS subject_type, id AS from_id, into_id, coalesce(merged_at, first_merge, created_at) AS merged_at, _file, _line
FROM ranked
WHERE id <> into_id
