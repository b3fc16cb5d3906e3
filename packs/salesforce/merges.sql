-- Leads converted into a contact that was there before, and records merged in Salesforce: the loser is in the recycle bin
-- and names its survivor.
SELECT 'person' AS subject_type, l.id AS from_id, p.person_id AS into_id, messy_timestamp(l.converted_date) AS merged_at, l._file, l._line
FROM leads AS l
JOIN person AS p ON p.id = l.converted_contact_id
WHERE p.person_id <> l.id AND messy_date(l.converted_date) IS NOT NULL
UNION ALL
SELECT 'person', m.id, coalesce(p.person_id, m.master_record_id), messy_timestamp(coalesce(m.system_modstamp, m.last_modified_date)), m._file, m._line
FROM (
    SELECT id, master_record_id, system_modstamp, last_modified_date, _file, _line FROM lead WHERE master_record_id IS NOT NULL AND coalesce(system_modstamp, last_modified_date) IS NOT NULL
    UNION ALL
    SELECT id, master_record_id, system_modstamp, last_modified_date, _file, _line FROM contact WHERE master_record_id IS NOT NULL AND coalesce(system_modstamp, last_modified_date) IS NOT NULL
) AS m
LEFT JOIN person AS p ON p.id = m.master_record_id
WHERE coalesce(m.system_modstamp, m.last_modified_date) IS NOT NULL
UNION ALL
SELECT 'account', id, master_record_id, messy_timestamp(coalesce(system_modstamp, last_modified_date)), _file, _line
FROM account
WHERE master_record_id IS NOT NULL AND coalesce(system_modstamp, last_modified_date) IS NOT NULL
