-- SuiteCRM marks no primary contact: it is the one with the role Primary Decision Maker, else the one that a lead was
-- converted to together with the opportunity.
SELECT
    link.opportunity_id,
    link.contact_id AS person_id,
    max(link.contact_role) AS role,
    max(link.contact_role) = 'Primary Decision Maker' OR (max(lead.id) IS NOT NULL AND NOT bool_or(decider.contact_id IS NOT NULL)) AS is_primary,
    min(link._file) AS _file,
    min(link._line) AS _line
FROM opportunities_contacts AS link
JOIN opportunities AS deal ON deal.id = link.opportunity_id AND any_yes(deal.deleted) = 'false'
LEFT JOIN leads AS lead ON lead.opportunity_id = link.opportunity_id AND lead.contact_id = link.contact_id
LEFT JOIN opportunities_contacts AS decider
    ON decider.opportunity_id = link.opportunity_id
    AND decider.contact_role = 'Primary Decision Maker'
    AND any_yes(decider.deleted) = 'false'
WHERE any_yes(link.deleted) = 'false'
GROUP BY link.opportunity_id, link.contact_id
