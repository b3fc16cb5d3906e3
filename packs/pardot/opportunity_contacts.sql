SELECT
    concat('pardot/', x.opportunity_id) AS opportunity_id,
    p.person_id,
    min(x._file) AS _file,
    min(x._line) AS _line
FROM opportunity_prospect AS x
JOIN person AS p ON p.id = x.prospect_id
JOIN deal AS d ON d.id = x.opportunity_id
GROUP BY x.opportunity_id, p.person_id
