-- The rows of the sheet: a month is its first day, an amount is plain decimal text.
SELECT
    CASE
        WHEN regexp_like(trim(date), '^[0-9]{4}-[0-9]{1,2}$') THEN split_part(trim(date), '-', 1) || '-' || lpad(split_part(trim(date), '-', 2), 2, '0') || '-01'
        WHEN regexp_like(trim(date), '^[0-9]{1,2}/[0-9]{4}$') THEN split_part(trim(date), '/', 2) || '-' || lpad(split_part(trim(date), '/', 1), 2, '0') || '-01'
        WHEN regexp_like(trim(date), '^[A-Za-z]{3,9}[ -][0-9]{4}$') THEN messy_date('1 ' || replace(trim(date), '-', ' '))
        ELSE messy_date(date)
    END AS spent_on,
    coalesce(setting('channels', platform), nullif(lower(trim(platform)), '')) AS channel,
    account,
    coalesce(nullif(trim(campaign_id), ''), nullif(trim(campaign), '')) AS campaign_id,
    nullif(trim(campaign), '') AS campaign,
    nullif(trim(parent_campaign), '') AS parent_campaign,
    campaign_start,
    campaign_end,
    messy_money(spend) AS amount,
    coalesce(
        upper(nullif(trim(currency), '')),
        setting('currency'),
        CASE WHEN spend LIKE '%€%' THEN 'EUR' WHEN spend LIKE '%£%' THEN 'GBP' WHEN spend LIKE 'US$%' THEN 'USD' END
    ) AS currency,
    split_part(replace(trim(clicks), ',', ''), '.', 1) AS clicks,
    split_part(replace(trim(impressions), ',', ''), '.', 1) AS impressions,
    coalesce(setting('spent', status), 'true') = 'true' AS is_spent,
    regexp_like(lower(trim(coalesce(date, campaign, platform, ''))), '^(grand |sub)?-?(total|totals|sum|summe)\b')
        OR regexp_like(lower(trim(coalesce(campaign, ''))), '^(grand |sub)?-?(total|totals)\b') AS is_total,
    _file,
    _line
FROM spend
