-- Stages come from the deal flow, which says ids; it begins with the old value of the first change. Without a flow a deal
-- entered its stage of today when it last changed its stage. Won and lost come from the flow if it has them, else from the
-- times of the deal.
WITH flow AS (
    SELECT
        flow.item_id AS deal_id,
        flow.field_key,
        CASE WHEN messy_timestamp(flow.log_time) LIKE '%Z' THEN messy_timestamp(flow.log_time) ELSE messy_timestamp(flow.log_time) || 'Z' END AS at,
        before.name AS before,
        after.name AS after,
        pipeline.name AS pipeline,
        flow.old_value,
        lower(flow.new_value) AS new_value,
        flow.user_id,
        CAST(flow.id AS BIGINT) AS seq,
        flow._file,
        flow._line
    FROM dealflow AS flow
    LEFT JOIN stages AS before ON before.id = flow.old_value
    LEFT JOIN stages AS after ON after.id = flow.new_value
    LEFT JOIN pipelines AS pipeline ON pipeline.id = after.pipeline_id
    WHERE flow.field_key IN ('stage_id', 'status')
),
first_change AS (
    SELECT deal_id, before
    FROM (SELECT *, row_number() OVER (PARTITION BY deal_id ORDER BY at, seq) AS turn FROM flow WHERE field_key = 'stage_id')
    WHERE turn = 1
),
ended AS (
    SELECT DISTINCT deal_id FROM flow WHERE field_key = 'status'
),
entry AS (
    SELECT
        deal.id AS deal_id,
        CASE WHEN first_change.deal_id IS NULL THEN coalesce(deal.stage_change_time, deal.add_time) ELSE deal.add_time END AS at,
        deal.pipeline,
        CASE WHEN first_change.deal_id IS NULL THEN deal.stage ELSE first_change.before END AS word,
        CAST(NULL AS VARCHAR) AS changed_by,
        0 AS seq,
        deal._file,
        deal._line
    FROM deal
    LEFT JOIN first_change ON first_change.deal_id = deal.id
    UNION ALL
    SELECT flow.deal_id, flow.at, coalesce(flow.pipeline, deal.pipeline), coalesce(flow.after, flow.new_value), flow.user_id, flow.seq, flow._file, flow._line
    FROM flow
    JOIN deal ON deal.id = flow.deal_id
    WHERE flow.field_key = 'stage_id'
)
SELECT
    'opportunity' AS subject_type,
    deal_id AS subject_id,
    at AS changed_at,
    coalesce(setting('stages', pipeline || '/' || word), setting('stages', word), word) AS stage,
    changed_by,
    CAST(NULL AS VARCHAR) AS reason,
    seq,
    _file,
    _line
FROM entry
WHERE coalesce(setting('stages', pipeline || '/' || word), setting('stages', word), word) <> ''
UNION ALL
-- Opened again: back in the stage of today.
SELECT
    'opportunity',
    flow.deal_id,
    flow.at,
    CASE WHEN flow.new_value = 'open' THEN coalesce(setting('stages', deal.pipeline || '/' || deal.stage), setting('stages', deal.stage), deal.stage) ELSE flow.new_value END,
    flow.user_id,
    CASE WHEN flow.new_value = 'lost' THEN deal.lost_reason END,
    flow.seq,
    flow._file,
    flow._line
FROM flow
JOIN deal ON deal.id = flow.deal_id
WHERE flow.field_key = 'status' AND flow.new_value IN ('won', 'lost', 'open')
UNION ALL
SELECT
    'opportunity',
    deal.id,
    CASE deal.status WHEN 'won' THEN deal.won_time ELSE deal.lost_time END,
    deal.status,
    CAST(NULL AS VARCHAR),
    CASE deal.status WHEN 'lost' THEN deal.lost_reason END,
    9000000000000,
    deal._file,
    deal._line
FROM deal
LEFT JOIN ended ON ended.deal_id = deal.id
WHERE deal.status IN ('won', 'lost') AND ended.deal_id IS NULL
UNION ALL
-- The lead inbox.
SELECT
    'person',
    coalesce(lead.person_id, named.id),
    CASE part.part WHEN 'in' THEN messy_timestamp(lead.add_time) ELSE coalesce(messy_timestamp(lead.archive_time), messy_timestamp(lead.update_time), messy_timestamp(lead.add_time)) END,
    CASE part.part WHEN 'in' THEN setting('lead') ELSE setting('archived_lead') END,
    CAST(NULL AS VARCHAR),
    CAST(NULL AS VARCHAR),
    CASE part.part WHEN 'in' THEN 1 ELSE 2 END,
    lead._file,
    lead._line
FROM leads AS lead
CROSS JOIN (VALUES ('in'), ('out')) AS part(part)
LEFT JOIN person AS named ON named.is_only AND lower(trim(named.name)) = lower(trim(lead.person))
WHERE coalesce(lead.person_id, named.id) IS NOT NULL
    AND (
        (part.part = 'in' AND setting('lead') IS NOT NULL)
        OR (part.part = 'out' AND setting('archived_lead') IS NOT NULL AND (messy_flag(lead.is_archived) = 'true' OR lower(lead.is_archived) = 'archived'))
    )
