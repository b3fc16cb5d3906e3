//! What a person decides about identity, as links of the record.

use treaty_app::identity::{APART, DECISION, FAKE, Link, PERSON, QUARANTINE, REAL, SOURCE, Snapshot, TOGETHER, key_of};

use super::clusters::{Clusters, apart};

/// Two ids are one person. The older one stays.
///
/// # Errors
/// When an id is unknown, or the two are one already.
pub fn merge(snapshot: &Snapshot, a: &str, b: &str, now: i64) -> Result<Vec<Link>, String> {
    let (mut clusters, a_node, b_node) = pair(snapshot, a, b)?;
    if clusters.root(a_node) == clusters.root(b_node) {
        return Err(format!("{a} and {b} are one person already"));
    }
    let mut links = vec![decision(&[a, b], TOGETHER, now, "merged by hand")];
    // What was decided before about ids of the two no longer holds.
    for (x, y) in apart(&snapshot.links) {
        if let (Some(p), Some(q)) = (clusters.node(&x), clusters.node(&y)) {
            let across = [clusters.root(p), clusters.root(q)];
            let joined = [clusters.root(a_node), clusters.root(b_node)];
            if (across == joined || across == [joined[1], joined[0]]) && key_of(&[&x, &y]) != links[0].from {
                links.push(decision(&[&x, &y], TOGETHER, now, "their persons were merged by hand"));
            }
        }
    }
    if let Some((goes, stays)) = clusters.join(a_node, b_node) {
        let created = |n: u32| snapshot.people.created_at.get(n as usize).copied().unwrap_or(i64::MIN);
        links.push(Link {
            kind: PERSON.to_owned(),
            from: clusters.id(goes).to_owned(),
            into: clusters.id(stays).to_owned(),
            at: created(a_node).max(created(b_node)),
            by: SOURCE.to_owned(),
            why: "decided by a person".to_owned(),
        });
    }
    Ok(links)
}

/// Two ids are not one person, now and for good. Of two that were merged, the one leaves that was merged into another.
///
/// # Errors
/// When an id is unknown, or the decision stands already.
pub fn unmerge(snapshot: &Snapshot, a: &str, b: &str, now: i64) -> Result<Vec<Link>, String> {
    let (mut clusters, a_node, b_node) = pair(snapshot, a, b)?;
    if apart(&snapshot.links).contains(&super::clusters::pair(a, b)) {
        return Err(format!("{a} and {b} were decided to be apart already"));
    }
    let mut links = vec![decision(&[a, b], APART, now, "taken apart by hand")];
    if clusters.root(a_node) == clusters.root(b_node) {
        let leaves = if clusters.direct(a_node).is_some() { a_node } else { b_node };
        if let Some(into) = clusters.direct(leaves).filter(|into| *into != a_node && *into != b_node) {
            links.push(decision(&[clusters.id(leaves), clusters.id(into)], APART, now, "taken apart by hand"));
        }
    }
    Ok(links)
}

/// A suspected person is real, or a fake.
///
/// # Errors
/// When the id is unknown.
pub fn judge(snapshot: &Snapshot, id: &str, real: bool, now: i64) -> Result<Vec<Link>, String> {
    known(snapshot, id)?;
    Ok(vec![decision(&[id], if real { REAL } else { FAKE }, now, if real { "cleared by hand" } else { "confirmed by hand" })])
}

/// Suspected people that nobody has decided about: id and reason.
pub fn open_suspects(links: &[Link]) -> Vec<(&str, &str)> {
    let done: Vec<&str> = links.iter().filter(|l| l.kind == DECISION && (l.into == REAL || l.into == FAKE)).map(|l| l.from.as_str()).collect();
    let mut all: Vec<(&str, &str)> = links
        .iter()
        .filter(|l| l.kind == QUARANTINE && l.into == QUARANTINE && !done.contains(&key_of(&[&l.from]).as_str()))
        .map(|l| (l.from.as_str(), l.why.as_str()))
        .collect();
    all.sort_unstable();
    all
}

fn known(snapshot: &Snapshot, id: &str) -> Result<(), String> {
    let there = (0..snapshot.people.len()).any(|i| snapshot.people.id.get(i) == Some(id));
    if there { Ok(()) } else { Err(format!("the record has no person `{id}`; `treaty query \"SELECT person_id, name FROM record_people\"` lists them")) }
}

fn pair<'a>(snapshot: &'a Snapshot, a: &str, b: &str) -> Result<(Clusters<'a>, u32, u32), String> {
    if a == b {
        return Err("name two different people".to_owned());
    }
    known(snapshot, a)?;
    known(snapshot, b)?;
    let people = &snapshot.people;
    let ids = (0..people.len()).map(|i| people.id.get(i).unwrap_or_default());
    let rank = super::resolve::ranks(&people.id, &people.created_at);
    let clusters = Clusters::new(PERSON, ids, rank, &snapshot.links);
    match (clusters.node(a), clusters.node(b)) {
        (Some(x), Some(y)) => Ok((clusters, x, y)),
        _ => Err(format!("the record has no people `{a}` and `{b}`")),
    }
}

fn decision(ids: &[&str], what: &str, now: i64, why: &str) -> Link {
    Link { kind: DECISION.to_owned(), from: key_of(ids), into: what.to_owned(), at: now, by: SOURCE.to_owned(), why: why.to_owned() }
}
