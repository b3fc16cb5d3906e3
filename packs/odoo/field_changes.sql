-- Owners, amounts and expected closing days; of a lead its owner.
SELECT
    CASE lead.type WHEN 'opportunity' THEN 'opportunity' ELSE 'person' END AS subject_type,
    CASE lead.type WHEN 'opportunity' THEN lead.id ELSE lead.person_id END AS subject_id,
    tracked.changed_at,
    CASE tracked.field WHEN 'user_id' THEN 'owner_id' WHEN 'date_deadline' THEN 'expected_close_on' ELSE 'amount' END AS field,
    CASE tracked.field WHEN 'user_id' THEN nullif(tracked.old_value_integer, '0') WHEN 'date_deadline' THEN tracked.old_day ELSE tracked.old_amount END AS old_value,
    CASE tracked.field WHEN 'user_id' THEN nullif(tracked.new_value_integer, '0') WHEN 'date_deadline' THEN tracked.new_day ELSE tracked.new_amount END AS new_value,
    tracked.changed_by,
    tracked.seq,
    tracked._file,
    tracked._line
FROM tracked
JOIN lead ON lead.id = tracked.lead_id
WHERE (lead.type = 'opportunity' AND tracked.field IN ('user_id', 'expected_revenue', 'planned_revenue', 'date_deadline'))
    OR (lead.type = 'lead' AND lead.has_person AND tracked.field = 'user_id')
