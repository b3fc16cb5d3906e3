-- Sales agents are known by their name.
SELECT
    sales_agent AS user_id,
    sales_agent AS name,
    manager AS team,
    'sales_agent' AS role,
    manager AS manager_id,
    regional_office AS territory,
    _file,
    _line
FROM sales_teams
