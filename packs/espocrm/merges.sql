-- A lead and the contact that it was converted to are one person. The older row is kept, as the attempt began with it:
-- mostly the lead, but the contact where a lead was converted to one that was there already.
WITH member AS (
    SELECT
        lead.created_contact_id AS contact_id,
        lead.id,
        messy_timestamp(lead.created_at) AS created_at,
        messy_timestamp(lead.converted_at) AS merged_at,
        lead._file,
        lead._line
    FROM lead
    JOIN contact ON contact.id = lead.created_contact_id AND any_yes(contact.deleted) = 'false'
    WHERE any_yes(lead.deleted) = 'false'
    UNION ALL
    SELECT contact.id AS contact_id, contact.id AS id, messy_timestamp(contact.created_at), CAST(NULL AS VARCHAR), contact._file, contact._line
    FROM contact
    WHERE any_yes(contact.deleted) = 'false'
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
