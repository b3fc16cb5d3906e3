-- The newest name and account of every campaign, by platform. Histories have a row a change.
SELECT platform, id, name, account_id, currency
FROM (
    SELECT *, row_number() OVER (PARTITION BY platform, id ORDER BY changed DESC NULLS LAST, name) AS place
    FROM (
        SELECT 'google_ads' AS platform, id, name, customer_id AS account_id, CAST(NULL AS varchar) AS currency, updated_at AS changed FROM google_history
        UNION ALL SELECT 'facebook_ads', id, name, account_id, NULL, updated_time FROM facebook_history
        UNION ALL SELECT 'facebook_ads', campaign_id, campaign_name, account_id, NULL, date_start FROM facebook_insight
        UNION ALL SELECT 'linkedin_ads', id, name, account_id, NULL, last_modified_time FROM linkedin_history
        UNION ALL SELECT 'microsoft_ads', id, name, account_id, NULL, modified_time FROM microsoft_history
        UNION ALL SELECT 'pinterest_ads', id, name, advertiser_id, NULL, _fivetran_synced FROM pinterest_history
        UNION ALL SELECT 'twitter_ads', id, name, NULL, currency, updated_at FROM twitter_history
        UNION ALL SELECT 'apple_search_ads', id, name, organization_id, NULL, modification_time FROM apple_history
        UNION ALL SELECT 'amazon_ads', id, name, profile_id, NULL, last_updated_date FROM amazon_history
        UNION ALL SELECT 'reddit_ads', id, name, account_id, NULL, NULL FROM reddit_history
        UNION ALL SELECT 'snapchat_ads', id, name, ad_account_id, NULL, _fivetran_synced FROM snapchat_history
        UNION ALL SELECT 'tiktok_ads', campaign_id, campaign_name, advertiser_id, NULL, updated_at FROM tiktok_history
    )
)
WHERE place = 1
