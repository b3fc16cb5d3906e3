-- The newest name and currency of every account, by platform.
SELECT platform, id, name, currency
FROM (
    SELECT *, row_number() OVER (PARTITION BY platform, id ORDER BY changed DESC NULLS LAST, currency) AS place
    FROM (
        SELECT 'google_ads' AS platform, id, descriptive_name AS name, currency_code AS currency, updated_at AS changed FROM google_account
        UNION ALL SELECT 'facebook_ads', id, name, currency, _fivetran_synced FROM facebook_account
        UNION ALL SELECT 'linkedin_ads', id, name, currency, last_modified_time FROM linkedin_account
        UNION ALL SELECT 'pinterest_ads', id, name, currency, updated_time FROM pinterest_account
        UNION ALL SELECT 'amazon_ads', id, account_name, currency_code, NULL FROM amazon_profile
        UNION ALL SELECT 'reddit_ads', id, NULL, currency, NULL FROM reddit_account
        UNION ALL SELECT 'snapchat_ads', id, name, currency, _fivetran_synced FROM snapchat_account
        UNION ALL SELECT 'tiktok_ads', id, name, currency, NULL FROM tiktok_account
    )
)
WHERE place = 1
