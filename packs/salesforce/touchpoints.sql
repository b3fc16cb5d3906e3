-- A member of a campaign: when it first responded, else when it was added, which is no response. FirstRespondedDate is a
-- day: who responded on the day of being added did so then.
SELECT
    m.id AS touchpoint_id,
    p.person_id,
    CASE any_yes(m.has_responded)
        WHEN 'true' THEN CASE
            WHEN messy_date(m.first_responded_date) > messy_date(m.created_date) THEN messy_timestamp(m.first_responded_date)
            ELSE messy_timestamp(m.created_date)
        END
        ELSE messy_timestamp(m.created_date)
    END AS occurred_at,
    coalesce(setting('campaign_channel', c.type), c.type) AS channel,
    m.campaign_id,
    m.status AS kind,
    any_yes(m.has_responded) AS responded,
    m._file,
    m._line
FROM campaign_member AS m
-- A member that was converted has a lead and a contact: one person.
JOIN person AS p ON p.id = coalesce(m.contact_id, m.lead_id)
LEFT JOIN campaign AS c ON c.id = m.campaign_id
WHERE any_yes(m.is_deleted, m._fivetran_deleted) = 'false'
