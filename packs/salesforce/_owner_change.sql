-- Changes of owners of leads, contacts and opportunities. Salesforce writes each twice, once with ids and once with names;
-- the ids are kept.
SELECT subject_type, subject_id, messy_timestamp(created_date) AS changed_at, old_value, new_value, created_by_id AS changed_by, _file, _line
FROM (
    SELECT 'person' AS subject_type, p.person_id AS subject_id, h.created_date, h.old_value, h.new_value, h.data_type, h.created_by_id, h._file, h._line
    FROM lead_history AS h
    JOIN person AS p ON p.id = h.lead_id
    WHERE h.field = 'Owner' AND any_yes(h.is_deleted, h._fivetran_deleted) = 'false'
    UNION ALL
    SELECT 'person', p.person_id, h.created_date, h.old_value, h.new_value, h.data_type, h.created_by_id, h._file, h._line
    FROM contact_history AS h
    JOIN person AS p ON p.id = h.contact_id
    WHERE h.field = 'Owner' AND any_yes(h.is_deleted, h._fivetran_deleted) = 'false'
    UNION ALL
    SELECT 'opportunity', d.id, h.created_date, h.old_value, h.new_value, h.data_type, h.created_by_id, h._file, h._line
    FROM opportunity_field_history AS h
    JOIN deals AS d ON d.id = h.opportunity_id
    WHERE h.field = 'Owner' AND any_yes(h.is_deleted, h._fivetran_deleted) = 'false'
)
WHERE CASE WHEN data_type IS NULL THEN regexp_like(new_value, '^00[5G][A-Za-z0-9]{12,15}$') ELSE lower(data_type) = 'entityid' END
