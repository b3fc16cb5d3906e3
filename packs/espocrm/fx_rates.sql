-- Since version 10 rates have days; a rate is what one unit costs in the base currency.
SELECT currency.code AS currency, messy_date(rate.date) AS "on", rate.rate, rate._file, rate._line
FROM currency_record_rate AS rate
JOIN currency_record AS currency ON currency.id = rate.record_id
WHERE any_yes(rate.deleted) = 'false' AND currency.code <> coalesce(rate.base_code, '')
