-- A lead and the contact that it was converted to are one person. The older row is kept, as the attempt began with it:
-- mostly the lead, but the contact where a lead was converted to one that was there already.
WITH member AS (
    SELECT
        lead.contact_id,
        lead.id,
        lead.created_at,
        coalesce(lead.converted_at, CASE WHEN contact.created_at >= lead.created_at THEN contact.created_at END, lead.modified_at) AS merged_at,
        lead._file,
        lead._line
    FROM lead
    JOIN contact ON contact.id = lead.contact_id
    UNION ALL
    SELECT id AS contact_id, id AS id, created_at, CAST(NULL AS VARCHAR), _file, _line
    FROM contact
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
