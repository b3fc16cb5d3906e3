-- Amounts are in millionths. Older workspaces have no owner of an opportunity: it is that of the company, or the author.
SELECT
    deal.id AS opportunity_id,
    company.id AS account_id,
    deal.name,
    coalesce(deal."ownerId", company."accountOwnerId", deal."createdByWorkspaceMemberId") AS owner_id,
    messy_timestamp(deal."createdAt") AS created_at,
    CAST(CAST(CAST(deal."amountAmountMicros" AS DECIMAL(26, 2)) / 1000000 AS DECIMAL(20, 4)) AS VARCHAR) AS amount,
    nullif(deal."amountCurrencyCode", '') AS currency,
    messy_date(deal."closeDate") AS expected_close_on,
    deal._file,
    deal._line
FROM opportunity AS deal
LEFT JOIN company ON company.id = deal."companyId" AND company."deletedAt" IS NULL
WHERE deal."deletedAt" IS NULL
