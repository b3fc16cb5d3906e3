-- Notes that say call, mail or meeting.
SELECT
    'note-' || note.id AS activity_id,
    note.lead_id AS person_id,
    coalesce(messy_timestamp(note.date_time), messy_timestamp(note.date_added)) AS occurred_at,
    note.created_by AS user_id,
    note.type AS kind,
    'outbound' AS direction,
    note._file,
    note._line
FROM lead_notes AS note
JOIN leads AS contact ON contact.id = note.lead_id AND (contact.email IS NOT NULL OR messy_timestamp(contact.date_identified) IS NOT NULL)
WHERE note.type IN ('call', 'email', 'meeting')
