-- Owners, from the audit log. Its details are an array that PHP wrote, in newer versions JSON: owner, before and after.
WITH change AS (
    SELECT *, coalesce('"owner";' || attr(details, 'owner'), details) AS text
    FROM audit_log
    WHERE bundle = 'lead' AND object = 'lead'
),
owner AS (
    SELECT
        *,
        CASE
            WHEN regexp_like(text, '"owner";a:2:') THEN
                regexp_replace(text, '(?s)^.*"owner";a:2:[{]i:0;(?:N|i:([0-9]+)|s:[0-9]+:"([0-9]*)");i:1;(?:N|i:([0-9]+)|s:[0-9]+:"([0-9]*)");.*$', '\1\2>\3\4')
            WHEN regexp_like(text, '^"owner";[\[]') THEN
                regexp_replace(text, '^"owner";[\[](?:null|"?([0-9]*)"?), *(?:null|"?([0-9]*)"?)[]]$', '\1>\2')
        END AS pair
    FROM change
)
SELECT
    'person' AS subject_type,
    owner.object_id AS subject_id,
    messy_timestamp(owner.date_added) AS changed_at,
    'owner_id' AS field,
    nullif(split_part(owner.pair, '>', 1), '') AS old_value,
    nullif(split_part(owner.pair, '>', 2), '') AS new_value,
    nullif(owner.user_id, '0') AS changed_by,
    owner.id AS seq,
    owner._file,
    owner._line
FROM owner
JOIN leads AS contact ON contact.id = owner.object_id AND (contact.email IS NOT NULL OR messy_timestamp(contact.date_identified) IS NOT NULL)
WHERE owner.pair IS NOT NULL
