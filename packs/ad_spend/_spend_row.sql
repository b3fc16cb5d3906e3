-- Every row of every report. Google, Pinterest, X, Reddit and Snapchat give millionths of the currency of the account.
WITH ad AS (
    SELECT id, campaign_id
    FROM (SELECT id, campaign_id, row_number() OVER (PARTITION BY id ORDER BY updated_time DESC NULLS LAST) AS place FROM facebook_ad_history)
    WHERE place = 1
), report AS (
    SELECT 'google_ads' AS platform, customer_id AS account_id, id AS campaign_id, "date" AS day, cost_micros AS given, micros_money(cost_micros) AS spend,
        CAST(NULL AS varchar) AS currency, clicks, impressions, _file, _line FROM google_campaign
    UNION ALL
    SELECT 'facebook_ads', f.account_id, coalesce(a.campaign_id, concat('ad/', f.ad_id)) AS campaign_id, f."date" AS day, f.spend AS given,
        messy_money(f.spend) AS spend, NULL AS currency, f.inline_link_clicks AS clicks, f.impressions, f._file, f._line
    FROM facebook_ad AS f LEFT JOIN ad AS a ON a.id = f.ad_id
    UNION ALL
    SELECT 'facebook_ads', account_id, campaign_id, date_start, spend AS given, messy_money(spend) AS spend, NULL, clicks, impressions, _file, _line FROM facebook_insight
    UNION ALL
    SELECT 'linkedin_ads', NULL, campaign_id, day, cost_in_local_currency AS given, messy_money(cost_in_local_currency) AS spend, NULL, clicks, impressions, _file, _line FROM linkedin_campaign
    UNION ALL
    SELECT 'microsoft_ads', account_id, campaign_id, "date", spend AS given, messy_money(spend) AS spend, currency_code, clicks, impressions, _file, _line FROM microsoft_campaign
    UNION ALL
    SELECT 'pinterest_ads', advertiser_id, campaign_id, "date", spend_in_micro_dollar AS given, micros_money(spend_in_micro_dollar) AS spend, NULL,
        CAST(coalesce(TRY_CAST(clickthrough_1 AS bigint), 0) + coalesce(TRY_CAST(clickthrough_2 AS bigint), 0) AS varchar),
        CAST(coalesce(TRY_CAST(impression_1 AS bigint), 0) + coalesce(TRY_CAST(impression_2 AS bigint), 0) AS varchar), _file, _line FROM pinterest_campaign
    UNION ALL
    SELECT 'twitter_ads', account_id, campaign_id, "date", billed_charge_local_micro AS given, micros_money(billed_charge_local_micro) AS spend, NULL, clicks, impressions, _file, _line FROM twitter_campaign
    UNION ALL
    SELECT 'apple_search_ads', NULL, id, "date", local_spend_amount AS given, messy_money(local_spend_amount) AS spend, local_spend_currency, taps, impressions, _file, _line FROM apple_campaign
    UNION ALL
    SELECT 'amazon_ads', NULL, campaign_id, "date", cost AS given, messy_money(cost) AS spend, campaign_budget_currency_code, clicks, impressions, _file, _line FROM amazon_campaign
    UNION ALL
    SELECT 'reddit_ads', account_id, campaign_id, "date", spend AS given, micros_money(spend) AS spend, NULL, clicks, impressions, _file, _line FROM reddit_campaign
    UNION ALL
    SELECT 'snapchat_ads', NULL, campaign_id, "date", spend AS given, micros_money(spend) AS spend, NULL, swipes, impressions, _file, _line FROM snapchat_campaign
    UNION ALL
    SELECT 'tiktok_ads', NULL, campaign_id, stat_time_hour, spend AS given, messy_money(spend) AS spend, NULL, clicks, impressions, _file, _line FROM tiktok_campaign
)
SELECT
    r.platform,
    coalesce(r.account_id, c.account_id) AS account_id,
    r.campaign_id,
    messy_date(r.day) AS spent_on,
    r.given,
    TRY_CAST(r.spend AS decimal(30, 6)) AS amount,
    coalesce(r.currency, c.currency, a.currency, setting('currency')) AS currency,
    TRY_CAST(r.clicks AS bigint) AS clicks,
    TRY_CAST(r.impressions AS bigint) AS impressions,
    CASE WHEN any_yes(setting('prefix_campaigns')) = 'true' THEN concat(r.platform, '/', r.campaign_id) ELSE r.campaign_id END AS campaign_key,
    c.name AS campaign_name,
    a.name AS account_name,
    r._file,
    r._line
FROM report AS r
LEFT JOIN campaign_now AS c ON c.platform = r.platform AND c.id = r.campaign_id
LEFT JOIN account_now AS a ON a.platform = r.platform AND a.id = coalesce(r.account_id, c.account_id)
