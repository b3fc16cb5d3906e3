-- Where a person came from is the first tagged visit up to the moment they identified themselves.
WITH first_tag AS (
    SELECT person_id, source, campaign
    FROM (
        SELECT
            message.person_id,
            message.source,
            message.campaign,
            row_number() OVER (PARTITION BY message.person_id ORDER BY message.at, message.id) AS turn
        FROM message
        JOIN person ON person.person_id = message.person_id AND message.at <= person.created_at
        WHERE coalesce(message.source, message.campaign) IS NOT NULL
    )
    WHERE turn = 1
),
employer AS (
    SELECT person_id, group_id
    FROM (
        SELECT
            coalesce(line.user_id, link.person_id) AS person_id,
            line.group_id,
            row_number() OVER (PARTITION BY coalesce(line.user_id, link.person_id) ORDER BY messy_timestamp(line."timestamp") DESC, line.group_id) AS turn
        FROM site_groups AS line
        LEFT JOIN link ON line.user_id IS NULL AND link.anonymous_id = line.anonymous_id
        WHERE coalesce(line.user_id, link.person_id) IS NOT NULL
    )
    WHERE turn = 1
)
SELECT
    person.person_id,
    employer.group_id AS account_id,
    person.email,
    nullif(person.name, '') AS name,
    person.title,
    person.phone,
    person.country,
    person.created_at,
    first_tag.source AS lead_source,
    first_tag.campaign AS campaign_id,
    person._file,
    person._line
FROM person
LEFT JOIN first_tag ON first_tag.person_id = person.person_id
LEFT JOIN employer ON employer.person_id = person.person_id
