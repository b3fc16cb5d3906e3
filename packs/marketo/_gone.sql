-- Leads that were deleted and did not come back.
SELECT lead_id AS id FROM delete_lead GROUP BY lead_id
