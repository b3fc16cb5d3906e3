-- When each opportunity came to which stage, from the best source that it has: OpportunityHistory, else field history,
-- else the versions of a history mode, else its last stage alone (without a date if nothing tells one).
WITH history AS (
    SELECT opportunity_id, messy_timestamp(created_date) AS changed_at, stage_name, created_by_id AS changed_by, id AS tie, _file, _line
    FROM opportunity_history
    WHERE any_yes(is_deleted, _fivetran_deleted) = 'false'
), fields AS (
    SELECT opportunity_id, messy_timestamp(created_date) AS changed_at, new_value AS stage_name, created_by_id AS changed_by, id AS tie, _file, _line
    FROM opportunity_field_history
    WHERE field = 'StageName' AND any_yes(is_deleted, _fivetran_deleted) = 'false'
    UNION ALL
    -- The stage before the first change is that of the creation.
    SELECT d.id, messy_timestamp(d.created_date), f.old_value, NULL, NULL, f._file, f._line
    FROM (
        SELECT *, row_number() OVER (PARTITION BY opportunity_id ORDER BY messy_timestamp(created_date), id) AS place
        FROM opportunity_field_history
        WHERE field = 'StageName' AND any_yes(is_deleted, _fivetran_deleted) = 'false'
    ) AS f
    JOIN deals AS d ON d.id = f.opportunity_id
    WHERE f.place = 1
), all_versions AS (
    SELECT id, _fivetran_start, stage_name, _file, _line FROM opportunity_version
    UNION ALL
    SELECT id, _fivetran_start, stage_name, _file, _line FROM opportunity WHERE _fivetran_start IS NOT NULL
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY id ORDER BY messy_timestamp(_fivetran_start)) AS place FROM all_versions
), versions AS (
    -- The first version was written when the sync began, which says nothing about the stage.
    SELECT id AS opportunity_id, messy_timestamp(_fivetran_start) AS changed_at, stage_name, CAST(NULL AS varchar) AS changed_by, CAST(NULL AS varchar) AS tie, _file, _line
    FROM placed
    WHERE place > 1
), known AS (
    SELECT 1 AS rank, * FROM history
    UNION ALL
    SELECT 2 AS rank, * FROM fields
    UNION ALL
    SELECT 3 AS rank, * FROM versions
    UNION ALL
    SELECT
        4 AS rank,
        id AS opportunity_id,
        coalesce(messy_timestamp(last_stage_change_date), CASE WHEN any_yes(is_closed, is_won) = 'true' THEN messy_timestamp(close_date) END) AS changed_at,
        stage_name,
        owner_id AS changed_by,
        CAST(NULL AS varchar) AS tie,
        _file,
        _line
    FROM deals
), best AS (
    SELECT opportunity_id, min(rank) AS rank FROM known GROUP BY opportunity_id
), ordered AS (
    SELECT
        k.opportunity_id, k.changed_at, s.stage, k.changed_by, k._file, k._line,
        row_number() OVER (PARTITION BY k.opportunity_id ORDER BY k.changed_at, k.tie) AS seq,
        lag(s.stage) OVER (PARTITION BY k.opportunity_id ORDER BY k.changed_at, k.tie) AS before
    FROM known AS k
    JOIN best AS b ON b.opportunity_id = k.opportunity_id AND b.rank = k.rank
    JOIN deals AS d ON d.id = k.opportunity_id
    JOIN stage AS s ON s.stage_name = k.stage_name
)
-- A row of the history may be of the amount or the close date alone, and two stages of Salesforce may be one.
SELECT opportunity_id, changed_at, stage, changed_by, seq, _file, _line
FROM ordered
WHERE before IS DISTINCT FROM stage
