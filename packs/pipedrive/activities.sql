-- Activities that were done, when they were marked so, else when they were due. The tap gives UTC; an export, which says
-- names instead of ids, gives local time.
WITH done AS (
    SELECT
        activity.*,
        coalesce(
            messy_timestamp(activity.marked_as_done_time),
            messy_timestamp(activity.due_date || coalesce(' ' || activity.due_time, '')),
            messy_timestamp(activity.update_time)
        ) AS at
    FROM activities AS activity
    WHERE (messy_flag(activity.done) = 'true' OR lower(activity.done) = 'done') AND coalesce(messy_flag(activity.is_deleted), 'false') <> 'true'
)
SELECT
    done.id AS activity_id,
    coalesce(done.person_id, named.id) AS person_id,
    coalesce(done.deal_id, deal.id) AS opportunity_id,
    CASE WHEN done.at LIKE '%Z' OR done.owner IS NOT NULL THEN done.at ELSE done.at || 'Z' END AS occurred_at,
    coalesce(done.owner_id, done.owner) AS user_id,
    coalesce(setting('kinds', done.type), lower(done.type)) AS kind,
    'outbound' AS direction,
    done._file,
    done._line
FROM done
LEFT JOIN person AS named ON named.is_only AND lower(trim(named.name)) = lower(trim(done.person))
LEFT JOIN (
    SELECT lower(trim(title)) AS title, min(id) AS id FROM deals GROUP BY lower(trim(title)) HAVING count(*) = 1
) AS deal ON deal.title = lower(trim(done.deal))
WHERE coalesce(done.person_id, named.id, done.deal_id, deal.id) IS NOT NULL
