SELECT
    id AS user_id,
    nullif(trim(coalesce("nameFirstName", '') || ' ' || coalesce("nameLastName", '')), '') AS name,
    lower("userEmail") AS email,
    nullif("timeZone", 'system') AS time_zone,
    "deletedAt" IS NULL AS active,
    _file,
    _line
FROM workspace_member
