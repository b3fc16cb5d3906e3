-- Users are partners, too; their name is there. With several teams the first by name counts.
WITH team AS (
    SELECT member.user_id, min(coalesce(attr(team.name, 'en_US'), team.name)) AS name
    FROM crm_team_member AS member
    JOIN crm_team AS team ON team.id = member.crm_team_id
    WHERE any_yes(coalesce(member.active, 't')) = 'true'
    GROUP BY member.user_id
)
SELECT
    account.id AS user_id,
    partner.name,
    lower(account.login) AS email,
    team.name AS team,
    any_yes(coalesce(account.active, 't')) = 'true' AS active,
    account._file,
    account._line
FROM res_users AS account
LEFT JOIN res_partner AS partner ON partner.id = account.partner_id
LEFT JOIN team ON team.user_id = account.id
