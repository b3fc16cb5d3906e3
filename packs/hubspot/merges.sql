-- Contacts and deals that HubSpot merged. The audit has the time; the list of ids in the surviving contact has none, and
-- counts from the beginning of that contact.
WITH known AS (
    SELECT 1 AS rank, a.vid_to_merge AS from_id, a.canonical_vid AS into_id, messy_timestamp(a."timestamp") AS merged_at, a._file, a._line
    FROM contact_merge_audit AS a
    UNION ALL
    SELECT 2, trim(from_id), into_id, created_at, _file, _line
    FROM (SELECT unnest(string_to_array(hs_merged_object_ids, ';')) AS from_id, id AS into_id, created_at, _file, _line FROM contacts WHERE hs_merged_object_ids IS NOT NULL)
), ordered AS (
    SELECT *, row_number() OVER (PARTITION BY from_id ORDER BY rank, merged_at, into_id) AS place
    FROM known
    WHERE from_id <> '' AND from_id <> into_id
)
SELECT 'person' AS subject_type, from_id, into_id, merged_at, _file, _line FROM ordered WHERE place = 1
UNION ALL
SELECT 'opportunity', m.merged_deal_id, m.deal_id, d.created_at, m._file, m._line
FROM (
    SELECT *, row_number() OVER (PARTITION BY merged_deal_id ORDER BY deal_id) AS place FROM merged_deal WHERE merged_deal_id <> deal_id
) AS m
JOIN deals AS d ON d.deal_id = m.deal_id
WHERE m.place = 1
