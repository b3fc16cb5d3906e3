-- The tap gives mails and phones as a list, of which the primary one counts; an export gives one. Where a person came
-- from is what the first lead says.
WITH inbox AS (
    SELECT person_id, source
    FROM (
        SELECT
            coalesce(lead.person_id, named.id) AS person_id,
            coalesce(lead.channel, lead.source_name) AS source,
            row_number() OVER (PARTITION BY coalesce(lead.person_id, named.id) ORDER BY messy_timestamp(lead.add_time), lead.id) AS turn
        FROM leads AS lead
        LEFT JOIN person AS named ON named.is_only AND lower(trim(named.name)) = lower(trim(lead.person))
    )
    WHERE turn = 1
)
SELECT
    who.id AS person_id,
    coalesce(who.org_id, org.id, 'name-' || upper(nullif(trim(who.org), ''))) AS account_id,
    lower(trim(CASE
        WHEN who.emails LIKE '[%' THEN coalesce(
            regexp_match(who.emails, '"primary": *true[^}]*"value": *"([^"]+)"')[1],
            regexp_match(who.emails, '"value": *"([^"]+)"[^}]*"primary": *true')[1],
            regexp_match(who.emails, '"value": *"([^"]+)"')[1]
        )
        ELSE split_part(who.emails, ',', 1)
    END)) AS email,
    who.name,
    who.job_title AS title,
    CASE
        WHEN who.phones LIKE '[%' THEN coalesce(
            regexp_match(who.phones, '"primary": *true[^}]*"value": *"([^"]+)"')[1],
            regexp_match(who.phones, '"value": *"([^"]+)"[^}]*"primary": *true')[1],
            regexp_match(who.phones, '"value": *"([^"]+)"')[1]
        )
        ELSE split_part(who.phones, ',', 1)
    END AS phone,
    messy_timestamp(who.add_time) AS created_at,
    inbox.source AS lead_source,
    coalesce(who.owner_id, who.owner) AS owner_id,
    who._file,
    who._line
FROM persons AS who
LEFT JOIN inbox ON inbox.person_id = who.id
LEFT JOIN (
    SELECT lower(trim(name)) AS name, min(id) AS id FROM organizations GROUP BY lower(trim(name)) HAVING count(*) = 1
) AS org ON org.name = lower(trim(who.org))
WHERE coalesce(messy_flag(who.is_deleted), 'false') <> 'true'
