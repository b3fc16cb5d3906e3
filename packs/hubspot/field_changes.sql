-- Owners of contacts and deals and amounts of deals, from property history: each value with the one before it.
WITH history AS (
    SELECT 'person' AS subject_type, h.contact_id AS subject_id, 'owner_id' AS field, messy_timestamp(h."timestamp") AS changed_at, h.value, h.source_id, h._file, h._line
    FROM contact_property_history AS h
    JOIN contacts AS c ON c.id = h.contact_id
    WHERE h.name = 'hubspot_owner_id'
    UNION ALL
    SELECT 'opportunity', h.deal_id, CASE h.name WHEN 'hubspot_owner_id' THEN 'owner_id' WHEN 'closedate' THEN 'expected_close_on' ELSE 'amount' END,
        messy_timestamp(h."timestamp"), CASE h.name WHEN 'closedate' THEN messy_date(messy_timestamp(h.value)) ELSE h.value END, h.source_id, h._file, h._line
    FROM deal_property_history AS h
    JOIN deals AS d ON d.deal_id = h.deal_id
    WHERE h.name IN ('hubspot_owner_id', 'amount', 'closedate')
), ordered AS (
    SELECT *,
        lag(value) OVER (PARTITION BY subject_type, subject_id, field ORDER BY changed_at, _line) AS old_value,
        row_number() OVER (PARTITION BY subject_type, subject_id, field ORDER BY changed_at, _line) AS seq
    FROM history
)
SELECT subject_type, subject_id, changed_at, field, old_value, value AS new_value, source_id AS changed_by, seq, _file, _line
FROM ordered
WHERE seq > 1 AND old_value IS DISTINCT FROM value
