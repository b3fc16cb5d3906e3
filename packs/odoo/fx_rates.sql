-- Odoo says how many units of a currency one unit of the company's currency buys; the record wants the reverse. With
-- several companies the rates of the first count.
SELECT currency, "on", CAST(CAST(1 / rate AS DECIMAL(20, 10)) AS VARCHAR) AS rate, _file, _line
FROM (
    SELECT
        currency.name AS currency,
        messy_date(rate.name) AS "on",
        CAST(rate.rate AS DOUBLE) AS rate,
        rate._file,
        rate._line,
        row_number() OVER (PARTITION BY rate.currency_id, messy_date(rate.name) ORDER BY CAST(rate.company_id AS BIGINT)) AS turn
    FROM res_currency_rate AS rate
    JOIN res_currency AS currency ON currency.id = rate.currency_id
)
WHERE turn = 1 AND rate > 0
