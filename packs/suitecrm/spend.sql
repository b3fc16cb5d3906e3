-- A campaign has one actual cost; it counts on its first day.
SELECT
    campaign.id AS campaign_id,
    coalesce(setting('channels', campaign.campaign_type), lower(campaign.campaign_type)) AS channel,
    coalesce(messy_date(campaign.start_date), messy_date(campaign.date_entered)) AS spent_on,
    campaign.actual_cost AS amount,
    coalesce(currency.iso4217, setting('base_currency')) AS currency,
    campaign._file,
    campaign._line
FROM campaigns AS campaign
LEFT JOIN currencies AS currency ON currency.id = campaign.currency_id
WHERE setting('spend') = 'actual_cost'
    AND CAST(campaign.actual_cost AS DOUBLE) > 0
    AND any_yes(campaign.deleted) = 'false'
