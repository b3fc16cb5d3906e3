//! What follows from the written rows, in the plainest way: the oracle of the demo's story.

use std::collections::{BTreeMap, BTreeSet};

use super::super::clock::{Sec, date, hours, instant, local, quarter};
use super::{AGREEMENT, Company, Line, company};

const SEEDS: [u64; 4] = [7, 1, 42, 2026];

/// Working seconds between two instants.
pub(super) fn working(from: Sec, to: Sec) -> i64 {
    (local(from).0..=local(to).0)
        .filter_map(|d| hours(d).map(|(open, close)| (instant(d, open), instant(d, close))))
        .map(|(open, close)| (to.min(close) - from.max(open)).max(0))
        .sum()
}

pub(super) fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

pub(super) fn within(what: &str, seed: u64, value: f64, low: f64, high: f64) {
    assert!(
        (low..=high).contains(&value),
        "seed {seed}: {what} is {value:.4}, not within {low} and {high}"
    );
}

/// A number from the agreement, by section and key.
pub(super) fn agreed(section: &str, key: &str) -> f64 {
    let from = AGREEMENT.split(&format!("[{section}]")).nth(1).unwrap();
    let line = from
        .lines()
        .find(|l| l.starts_with(&format!("{key} = ")))
        .unwrap();
    line.split(" = ")
        .nth(1)
        .unwrap()
        .trim_matches('"')
        .parse()
        .unwrap()
}

/// Rows grouped by person or opportunity, and what follows from them.
pub(super) struct Facts<'a> {
    pub(super) people: BTreeMap<&'a str, Line<'a>>,
    pub(super) deals: BTreeMap<&'a str, Line<'a>>,
    /// Instant and stage by subject, in time.
    pub(super) stages: BTreeMap<&'a str, Vec<(Sec, &'a str, &'a str)>>,
    /// Qualifying outbound work by person.
    pub(super) attempts: BTreeMap<&'a str, Vec<Sec>>,
    pub(super) handoffs: Vec<Line<'a>>,
    /// Opportunities by primary contact.
    pub(super) primary: BTreeMap<&'a str, Vec<&'a str>>,
    /// Instant of winning.
    pub(super) won: BTreeMap<&'a str, Sec>,
    pub(super) merged: BTreeSet<&'a str>,
    pub(super) rates: Vec<(&'a str, f64)>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(c: &'a Company) -> Self {
        let mut stages: BTreeMap<&str, Vec<(Sec, &str, &str)>> = BTreeMap::new();
        for l in c.lines("stage_changes") {
            stages.entry(l.get("subject_id")).or_default().push((
                l.at("changed_at"),
                l.get("stage"),
                l.get("reason"),
            ));
        }
        let mut attempts: BTreeMap<&str, Vec<Sec>> = BTreeMap::new();
        for l in c.lines("activities") {
            let sales = matches!(l.get("kind"), "call" | "email" | "meeting" | "reply");
            if sales && l.get("direction") == "outbound" && l.get("automated") == "false" {
                attempts
                    .entry(l.get("person_id"))
                    .or_default()
                    .push(l.at("occurred_at"));
            }
        }
        let mut primary: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for l in c
            .lines("opportunity_contacts")
            .filter(|l| l.get("is_primary") == "true")
        {
            primary
                .entry(l.get("person_id"))
                .or_default()
                .push(l.get("opportunity_id"));
        }
        let won = stages
            .iter()
            .filter_map(|(id, s)| s.iter().find(|s| s.1 == "won").map(|s| (*id, s.0)))
            .collect();
        Self {
            people: c.lines("people").map(|l| (l.get("person_id"), l)).collect(),
            deals: c
                .lines("opportunities")
                .map(|l| (l.get("opportunity_id"), l))
                .collect(),
            stages,
            attempts,
            handoffs: c.lines("handoffs").collect(),
            primary,
            won,
            merged: c.lines("merges").map(|l| l.get("from_id")).collect(),
            rates: c
                .lines("fx_rates")
                .map(|l| (l.get("on"), l.get("rate").parse().unwrap()))
                .collect(),
        }
    }

    /// First attempt at a hand-off.
    pub(super) fn first(&self, handoff: Line) -> Option<Sec> {
        let passed = handoff.at("passed_at");
        self.attempts
            .get(handoff.get("person_id"))?
            .iter()
            .copied()
            .find(|a| *a >= passed)
    }

    /// Person and start of every attempt.
    pub(super) fn leads(&self) -> impl Iterator<Item = (&'a str, Sec)> + '_ {
        self.stages
            .iter()
            .filter(|(id, _)| id.starts_with('P') && !self.merged.contains(*id))
            .flat_map(|(id, stages)| stages.iter().filter(|s| s.1 == "lead").map(|s| (*id, s.0)))
    }

    /// Dollars of an opportunity at the rate of the day it was won.
    pub(super) fn dollars(&self, deal: &str) -> f64 {
        let amount: f64 = self.deals[deal].get("amount").parse().unwrap();
        if self.deals[deal].get("currency") == "USD" {
            return amount;
        }
        let on = date(local(self.won[deal]).0);
        amount
            * self
                .rates
                .iter()
                .rev()
                .find(|r| r.0 <= on.as_str())
                .unwrap()
                .1
    }

    /// Per source: leads, converted, won dollars; as of an instant, of people created before another.
    pub(super) fn sources(
        &self,
        born_before: Sec,
        as_of: Sec,
    ) -> BTreeMap<&'a str, (usize, usize, f64)> {
        let mut all: BTreeMap<&str, (usize, usize, f64)> = BTreeMap::new();
        for (id, p) in self
            .people
            .iter()
            .filter(|(id, p)| p.at("created_at") < born_before && !self.merged.contains(*id))
        {
            let row = all.entry(p.get("lead_source")).or_default();
            let deals = self.primary.get(id).map(Vec::as_slice).unwrap_or_default();
            let mut known = deals
                .iter()
                .filter(|d| self.deals[*d].at("created_at") < as_of)
                .peekable();
            row.0 += 1;
            row.1 += usize::from(known.peek().is_some());
            row.2 += known
                .filter(|d| self.won.get(*d).is_some_and(|w| *w < as_of))
                .map(|d| self.dollars(d))
                .sum::<f64>();
        }
        all
    }
}

pub(super) fn quarter_of(at: Sec) -> i64 {
    quarter(local(at).0)
}

pub(super) fn at_every_seed(check: impl Fn(u64, &Facts, &Company)) {
    for seed in SEEDS {
        let c = company(seed);
        check(seed, &Facts::of(&c), &c);
    }
}
