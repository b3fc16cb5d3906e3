//! History from snapshots: what the state of a thing, seen at an instant, adds to what is known of its past.
//!
//! A source that keeps no history shows at each import what is, not when it came to be. Between two snapshots that differ
//! there was a change, at an instant that nobody knows. It is dated **at the snapshot that shows it first**, for three
//! reasons. It is never dated before anybody could know it. It is late by at most the time between two snapshots, so daily
//! ones give a resolution of a day. And a snapshot that is imported late, between two others, then only adds changes: none
//! that is there has to move. Where the source says since when the state holds, that instant is taken.

use crate::zone::Micros;

/// A change of one field of one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it took effect.
    pub at: Micros,
    /// Order among changes at one instant.
    pub seq: i64,
    /// Value before; missing where it is not kept.
    pub old: Option<String>,
    /// Value after.
    pub new: Option<String>,
    /// It was made from a snapshot.
    pub made: bool,
}

/// A value as a snapshot shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Instant of the snapshot.
    pub at: Micros,
    /// The value.
    pub value: Option<String>,
    /// Since when it holds, if the source says so.
    pub since: Option<Micros>,
}

/// What is known of the field beside its changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// Its value in the record, if the record holds the subject and the field is a column of it.
    pub now: Option<Option<String>>,
    /// Changes tell the value before them.
    pub keeps_old: bool,
    /// The first snapshot after this one, if this one comes late.
    pub next: Option<Micros>,
}

/// The changes that a value adds to a history, which is in order of instant and sequence. A change that is there
/// already and comes back with another old value replaces it.
pub fn steps(history: &[Step], seen: &Seen, known: &Known) -> Vec<Step> {
    let prior = history.iter().rev().find(|s| s.at <= seen.at);
    let later = history.iter().find(|s| s.at > seen.at);
    let before = match (prior, later) {
        _ if known.next.is_none() && known.now.is_some() => known.now.clone(),
        (Some(s), _) => Some(s.new.clone()),
        (None, Some(s)) if known.keeps_old => Some(s.old.clone()),
        (None, Some(_)) => None,
        (None, None) => known.now.clone(),
    };
    let first_sight = before.is_none();
    if first_sight && (known.keeps_old || seen.value.is_none()) {
        return Vec::new();
    }
    let before = before.flatten();
    if !first_sight && same(before.as_deref(), seen.value.as_deref()) {
        return Vec::new();
    }
    let after = |at: Micros| prior.is_none_or(|p| p.at < at) && at <= seen.at;
    let at = seen.since.filter(|at| after(*at)).unwrap_or(seen.at);
    let seq = prior.filter(|p| p.at == at).map_or(0, |p| p.seq + 1);
    let kept = |value: &Option<String>| if known.keeps_old { value.clone() } else { None };
    let mut out = vec![Step { at, seq, old: kept(&before), new: seen.value.clone(), made: true }];
    let Some(next) = known.next else { return out };
    match later.filter(|s| s.at <= next) {
        Some(s) if s.made && known.keeps_old && !same(s.old.as_deref(), seen.value.as_deref()) => {
            out.push(Step { old: seen.value.clone(), ..s.clone() });
        }
        Some(_) => {}
        // The next snapshot showed what was known before this one: it had changed back.
        None if !first_sight => out.push(Step { at: next, seq: 0, old: kept(&seen.value), new: before, made: true }),
        None => {}
    }
    out
}

/// Values that say the same: case and outer blanks aside.
fn same(a: Option<&str>, b: Option<&str>) -> bool {
    let clean = |t: Option<&str>| t.map(|t| t.trim().to_lowercase()).filter(|t| !t.is_empty());
    clean(a) == clean(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn see(at: i64, value: &str) -> Seen {
        Seen { at: Micros(at), value: (!value.is_empty()).then(|| value.to_owned()), since: None }
    }

    fn at(history: &[Step], t: i64) -> Option<&str> {
        history.iter().rev().find(|s| s.at <= Micros(t)).and_then(|s| s.new.as_deref())
    }

    fn add(history: &mut Vec<Step>, new: Vec<Step>) {
        for step in new {
            history.retain(|s| (s.at, s.seq) != (step.at, step.seq));
            history.push(step);
        }
        history.sort_by_key(|s| (s.at, s.seq));
    }

    #[test]
    fn a_change_is_dated_at_the_snapshot_that_shows_it_first() {
        let mut stages = Vec::new();
        let stage = Known::default();
        for (t, value, made) in [(10, "demo", 1), (20, " Demo ", 0), (30, "won", 1), (30, "won", 0), (40, "", 1)] {
            let new = steps(&stages, &see(t, value), &stage);
            assert_eq!(new.len(), made, "at {t}");
            add(&mut stages, new);
        }
        assert_eq!([at(&stages, 9), at(&stages, 29), at(&stages, 30), at(&stages, 40)], [None, Some("demo"), Some("won"), None]);
    }

    #[test]
    fn the_source_may_say_since_when_but_not_before_what_is_known() {
        let history = vec![Step { at: Micros(10), seq: 0, old: None, new: Some("demo".to_owned()), made: true }];
        let won = |since| Seen { since: Some(Micros(since)), ..see(30, "won") };
        assert_eq!(steps(&history, &won(25), &Known::default())[0].at, Micros(25));
        assert_eq!(steps(&history, &won(5), &Known::default())[0].at, Micros(30));
        assert_eq!(steps(&history, &won(31), &Known::default())[0].at, Micros(30));
    }

    #[test]
    fn a_late_snapshot_adds_a_change_and_mends_the_old_value_of_the_next() {
        let known = Known { now: Some(Some("300".to_owned())), keeps_old: true, next: Some(Micros(30)) };
        let history = vec![Step { at: Micros(30), seq: 0, old: Some("100".to_owned()), new: Some("300".to_owned()), made: true }];
        let new = steps(&history, &see(20, "200"), &known);
        let step = |at, old: &str, new: &str| Step { at: Micros(at), seq: 0, old: Some(old.to_owned()), new: Some(new.to_owned()), made: true };
        assert_eq!(new, [step(20, "100", "200"), step(30, "200", "300")]);
        assert_eq!(steps(&history, &see(20, "100"), &known), []);
    }

    proptest! {
        /// Snapshots may come in any order: each instant ends up with the value that its snapshot showed.
        #[test]
        fn every_snapshot_is_found_again_at_its_instant(values in proptest::collection::vec(0u8..3, 1..9), order in any::<u64>(), keeps_old: bool) {
            let mut turn: Vec<usize> = (0..values.len()).collect();
            turn.sort_by_key(|i| (order.rotate_left((*i as u32) * 7) ^ (*i as u64 * 0x9e37_79b9)) & 0xffff);
            let shown = |i: usize| see(i as i64 * 10, ["a", "b", "c"][values[i] as usize]);
            let (mut history, mut done): (Vec<Step>, Vec<usize>) = (Vec::new(), Vec::new());
            let mut now: Option<(usize, Option<String>)> = None;
            for i in turn {
                let next = done.iter().copied().filter(|d| *d > i).min();
                let known = Known {
                    now: if keeps_old { now.clone().map(|(_, v)| v) } else { None },
                    keeps_old,
                    next: next.map(|n| Micros(n as i64 * 10)),
                };
                let new = steps(&history, &shown(i), &known);
                add(&mut history, new);
                if now.as_ref().is_none_or(|(n, _)| *n < i) {
                    now = Some((i, shown(i).value));
                }
                let again = Known { now: if keeps_old { now.clone().map(|(_, v)| v) } else { None }, ..known };
                prop_assert_eq!(steps(&history, &shown(i), &again), []);
                done.push(i);
                // Before the first change of a field, its old value holds.
                let value = |t: i64| match at(&history, t) {
                    Some(v) => Some(v.to_owned()),
                    None => history.first().map_or_else(|| now.clone().and_then(|(_, v)| v), |s| s.old.clone()),
                };
                for d in &done {
                    if keeps_old || history.first().is_some_and(|s| s.at <= Micros(*d as i64 * 10)) {
                        prop_assert_eq!(value(*d as i64 * 10), shown(*d).value, "at {} of {:?}", d, history);
                    }
                }
            }
        }
    }
}
