//! The demo's shape: what makes it look like a company, at more than one seed.

use std::collections::{BTreeMap, BTreeSet};

use super::super::clock::{DAY, Sec, day, hours, instant, local};
use super::facts::{at_every_seed, share, within};
use super::{AGREEMENT, END, Line};

#[test]
fn old_opportunities_wait_for_recycling_and_recycled_leads_return() {
    at_every_seed(|seed, f, _| {
        let age = |id: &str, at: Sec| local(at).0 - local(f.deals[id].at("created_at")).0;
        let (mut lost, mut open) = (Vec::new(), Vec::new());
        for id in f.deals.keys() {
            match f.stages[id].last() {
                Some((at, "lost", _)) => lost.push(age(id, *at)),
                Some((_, "won" | "recycled", _)) => {}
                _ => open.push(age(id, END - 1)),
            }
        }
        within("lost opportunities", seed, lost.len() as f64, 300.0, 600.0);
        let mean = lost.iter().sum::<i64>() as f64 / lost.len() as f64;
        within("mean days to a loss", seed, mean, 45.0, 85.0);
        let old = open.iter().filter(|a| **a as f64 > mean).count();
        within(
            "open opportunities older than that",
            seed,
            old as f64,
            50.0,
            130.0,
        );
        within("open opportunities", seed, open.len() as f64, 120.0, 240.0);

        let persons = f.stages.iter().filter(|(id, _)| id.starts_with('P'));
        let back = persons
            .flat_map(|(_, s)| s.windows(2))
            .filter(|w| w[0].1 == "recycled" && w[1].1 == "lead")
            .count();
        within("returns from nurture", seed, back as f64, 150.0, 450.0);
    });
}

#[test]
fn handoffs_are_accepted_with_a_value_rejected_against_the_definition_and_left_pending() {
    at_every_seed(|seed, f, _| {
        let count = |decision: &str| {
            f.handoffs
                .iter()
                .filter(|h| h.get("decision") == decision)
                .count()
        };
        let passed = f.handoffs.len();
        within(
            "accepted of passed",
            seed,
            share(count("accepted"), passed),
            0.65,
            0.82,
        );
        within(
            "rejected of passed",
            seed,
            share(count("rejected"), passed),
            0.12,
            0.25,
        );
        within(
            "pending of passed",
            seed,
            share(count("pending"), passed),
            0.03,
            0.12,
        );
        let accepted = f
            .handoffs
            .iter()
            .filter(|h| h.get("decision") == "accepted");
        let valued = accepted
            .clone()
            .filter(|h| !h.get("value").is_empty() && h.get("currency") == "USD")
            .count();
        within(
            "accepted with a value",
            seed,
            share(valued, accepted.count()),
            0.95,
            0.99,
        );
        let meets = |h: &&Line| {
            AGREEMENT.contains(&format!("'{}'", f.people[h.get("person_id")].get("title")))
        };
        let rejected = || {
            f.handoffs
                .iter()
                .filter(|h| h.get("decision") == "rejected")
        };
        within(
            "invalid rejections",
            seed,
            share(rejected().filter(meets).count(), rejected().count()),
            0.3,
            0.6,
        );
        within(
            "passed on by definition",
            seed,
            share(f.handoffs.iter().filter(meets).count(), passed),
            0.75,
            0.92,
        );
        let mut by_person: BTreeMap<&str, usize> = BTreeMap::new();
        f.handoffs
            .iter()
            .for_each(|h| *by_person.entry(h.get("person_id")).or_default() += 1);
        assert!(
            by_person.values().filter(|n| **n > 1).count() > 40,
            "seed {seed}: passed on again"
        );
    });
}

#[test]
fn touches_are_many_uneven_and_of_every_kind() {
    at_every_seed(|seed, f, c| {
        let mut by_person: BTreeMap<&str, Vec<(Sec, Line)>> = BTreeMap::new();
        for l in c.lines("touchpoints") {
            by_person
                .entry(l.get("person_id"))
                .or_default()
                .push((l.at("occurred_at"), l));
        }
        assert_eq!(by_person.len(), f.people.len());
        let mut sizes: Vec<usize> = by_person.values().map(Vec::len).collect();
        sizes.sort_unstable();
        within(
            "touches a person",
            seed,
            share(sizes.iter().sum(), sizes.len()),
            6.0,
            12.0,
        );
        assert!(
            sizes[sizes.len() * 99 / 100] > 30 && sizes[sizes.len() / 2] < 10,
            "no heavy tail"
        );
        let ties = by_person
            .values()
            .filter(|t| t.windows(2).any(|w| w[0].0 == w[1].0))
            .count();
        within("people with ties", seed, ties as f64, 400.0, 2_500.0);
        let direct = c
            .lines("touchpoints")
            .filter(|l| l.get("channel") == "direct")
            .count();
        within(
            "direct",
            seed,
            share(direct, c.tables["touchpoints"].rows.len()),
            0.05,
            0.25,
        );
        let closes = |id: &str| {
            f.stages[id]
                .iter()
                .find(|s| matches!(s.1, "won" | "lost"))
                .map_or(END, |s| s.0)
        };
        let after_close = f.primary.iter().filter(|(p, deals)| {
            by_person[*p]
                .iter()
                .any(|(at, _)| deals.iter().any(|d| *at > closes(d)))
        });
        assert!(
            after_close.count() > 100,
            "seed {seed}: touches after close"
        );

        let intent: BTreeMap<&str, &str> = c
            .lines("campaigns")
            .map(|l| (l.get("campaign_id"), l.get("intent")))
            .collect();
        for kind in ["acquire", "nurture", "base"] {
            let used = c
                .lines("touchpoints")
                .filter(|l| intent.get(l.get("campaign_id")) == Some(&kind))
                .count();
            assert!(used > 500, "seed {seed}: {used} touches of {kind}");
        }
        let mut by_account: BTreeMap<&str, usize> = BTreeMap::new();
        f.people
            .values()
            .for_each(|p| *by_account.entry(p.get("account_id")).or_default() += 1);
        assert!(
            by_account.values().filter(|n| **n > 2).count() > 400,
            "seed {seed}: few people an account"
        );
        let with_roles: BTreeSet<&str> = c
            .lines("opportunity_contacts")
            .map(|l| l.get("opportunity_id"))
            .collect();
        within(
            "opportunities without roles",
            seed,
            1.0 - share(with_roles.len(), f.deals.len()),
            0.05,
            0.30,
        );

        let mut last: BTreeMap<&str, Sec> = BTreeMap::new();
        for l in c.lines("purchases").filter(|l| l.get("kind") != "free") {
            let latest = last.entry(l.get("account_id")).or_insert(0);
            *latest = (*latest).max(l.at("purchased_at"));
        }
        let lapsed = last
            .values()
            .filter(|at| **at < END - 3 * 366 * DAY)
            .count();
        within("former customers", seed, lapsed as f64, 30.0, 140.0);
        within(
            "customers",
            seed,
            (last.len() - lapsed) as f64,
            150.0,
            500.0,
        );
    });
}

#[test]
fn stage_history_skips_falls_back_and_reopens() {
    const STAGES: [&str; 4] = ["opportunity", "demo", "trial", "negotiation"];
    at_every_seed(|seed, f, c| {
        let (mut skips, mut regressions, mut reopened, mut second) = (0, 0, 0, 0);
        for id in f
            .deals
            .keys()
            .filter(|id| f.deals[*id].get("kind") != "renewal")
        {
            for w in f.stages[id].windows(2) {
                let place = |s: &str| STAGES.iter().position(|x| *x == s);
                match (place(w[0].1), place(w[1].1)) {
                    (Some(a), Some(b)) if b > a + 1 => skips += 1,
                    (Some(a), Some(b)) if b < a => regressions += 1,
                    (None, Some(_)) if w[0].1 == "lost" && w[1].0 <= w[0].0 + 30 * DAY => {
                        reopened += 1
                    }
                    (None, Some(_)) if w[0].1 == "lost" => second += 1,
                    _ => {}
                }
            }
        }
        for (what, n, least) in [
            ("skips", skips, 15),
            ("set back", regressions, 10),
            ("reopened", reopened, 5),
            ("second attempt", second, 3),
        ] {
            assert!(n >= least, "seed {seed}: {n} {what}");
        }
        let first = c
            .lines("stage_changes")
            .map(|l| l.at("changed_at"))
            .min()
            .unwrap();
        assert!(
            first < instant(day(2024, 7, 1), 0),
            "the version before the agreement judges something"
        );

        // The gate: most advances have an economic case, some leak, and deals with a case win more often.
        let mut gate = [(0, 0); 2];
        for (id, d) in f
            .deals
            .iter()
            .filter(|(id, _)| f.stages[*id].iter().any(|s| STAGES[1..].contains(&s.1)))
        {
            let (n, won) = &mut gate[usize::from(d.get("economic_case") == "yes")];
            *n += 1;
            *won += usize::from(f.won.contains_key(id));
        }
        within(
            "leaks at the gate",
            seed,
            share(gate[0].0, gate[0].0 + gate[1].0),
            0.1,
            0.3,
        );
        assert!(
            share(gate[1].1, gate[1].0) > share(gate[0].1, gate[0].0) + 0.08,
            "seed {seed}: {gate:?}"
        );

        // Work is done in working hours, hand-offs come at any time.
        let office = |at: Sec| {
            hours(local(at).0).is_some_and(|(open, close)| (open..close).contains(&local(at).1))
        };
        let human = || {
            c.lines("activities")
                .filter(|l| l.get("automated") == "false")
                .map(|l| l.at("occurred_at"))
        };
        within(
            "work in working hours",
            seed,
            share(human().filter(|a| office(*a)).count(), human().count()),
            0.93,
            0.99,
        );
        let passed = f
            .handoffs
            .iter()
            .filter(|h| office(h.at("passed_at")))
            .count();
        within(
            "hand-offs in working hours",
            seed,
            share(passed, f.handoffs.len()),
            0.2,
            0.6,
        );
    });
}
