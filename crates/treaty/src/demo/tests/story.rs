//! The demo's story, promise by promise, at more than one seed.

use std::collections::BTreeMap;

use super::super::clock::{DAY, HOUR, day, instant};
use super::facts::{agreed, at_every_seed, quarter_of, share, within, working};
use super::{END, Line};

/// The quarter of marketing's push.
const PUSH: i64 = 2026 * 4 + 1;

#[test]
fn one_rep_has_a_pile_that_nobody_touches_and_another_left_and_still_owns_leads() {
    at_every_seed(|seed, f, c| {
        let mut untouched: BTreeMap<&str, usize> = BTreeMap::new();
        for h in f
            .handoffs
            .iter()
            .filter(|h| f.first(**h).is_none() && h.at("passed_at") < END - 7 * DAY)
        {
            *untouched.entry(h.get("assigned_to")).or_default() += 1;
        }
        let pile = untouched.remove("U07").unwrap_or(0);
        within("untouched hand-offs of U07", seed, pile as f64, 55.0, 110.0);
        assert!(
            untouched.values().all(|n| *n < 10),
            "seed {seed}: {untouched:?}"
        );

        let gone: Vec<&str> = c
            .lines("users")
            .filter(|u| u.get("active") == "false")
            .map(|u| u.get("user_id"))
            .collect();
        assert_eq!(gone, ["U09"]);
        let left = instant(day(2026, 3, 13), 17 * HOUR);
        assert!(
            c.lines("activities")
                .all(|a| a.get("user_id") != "U09" || a.at("occurred_at") < left)
        );
        assert!(
            f.handoffs
                .iter()
                .all(|h| h.get("assigned_to") != "U09" || h.at("passed_at") < left)
        );
        let open = |id: &str| {
            !matches!(
                f.stages[id].last(),
                Some((_, "disqualified" | "recycled", _))
            )
        };
        let orphans = f
            .people
            .iter()
            .filter(|(id, p)| {
                p.get("owner_id") == "U09" && open(id) && !f.primary.contains_key(*id)
            })
            .count();
        within(
            "open leads of the rep who left",
            seed,
            orphans as f64,
            12.0,
            60.0,
        );
    });
}

#[test]
fn the_source_that_looks_poor_pays_best_and_the_loud_one_pays_nothing() {
    at_every_seed(|seed, f, _| {
        let sources = f.sources(END, END);
        let per_lead = |s: &str| sources[s].2 / sources[s].0 as f64;
        let rate = |s: &str| share(sources[s].1, sources[s].0);
        within(
            "conversion of partner webinar",
            seed,
            rate("partner webinar"),
            0.02,
            0.06,
        );
        within(
            "dollars a lead of partner webinar",
            seed,
            per_lead("partner webinar"),
            4_500.0,
            14_000.0,
        );
        within(
            "conversion of list buy",
            seed,
            rate("list buy"),
            0.01,
            0.045,
        );
        within(
            "dollars a lead of list buy",
            seed,
            per_lead("list buy"),
            0.0,
            120.0,
        );
        for s in sources.keys().filter(|s| !s.starts_with("partner")) {
            assert!(
                per_lead("partner webinar") > 1.1 * per_lead(s),
                "seed {seed}: {s} pays {}",
                per_lead(s)
            );
            assert!(
                sources["list buy"].0 + 10 >= sources[s].0,
                "seed {seed}: {s} is louder"
            );
            assert!(
                *s == "list buy" || rate(s) > 1.5 * rate("partner webinar"),
                "seed {seed}: {s}"
            );
        }
    });
}

#[test]
fn the_step_from_demo_to_trial_broke_three_quarters_ago() {
    const STAGES: [&str; 5] = ["opportunity", "demo", "trial", "negotiation", "won"];
    at_every_seed(|seed, f, _| {
        let since = instant(day(2025, 10, 1), 0);
        let mut steps = [[(0, 0); 4]; 2];
        let mut reached_all = [0; 5];
        for (id, _) in f.deals.iter().filter(|(_, d)| d.get("kind") != "renewal") {
            let stages = &f.stages[id];
            let reached = stages
                .iter()
                .filter_map(|s| STAGES.iter().position(|x| *x == s.1))
                .max()
                .unwrap();
            for (i, n) in reached_all.iter_mut().enumerate() {
                *n += usize::from(i <= reached);
            }
            for (i, name) in STAGES[..4].iter().enumerate() {
                if let Some(entered) = stages.iter().find(|s| s.1 == *name) {
                    let (n, went_on) = &mut steps[usize::from(entered.0 >= since)][i];
                    *n += 1;
                    *went_on += usize::from(reached > i);
                }
            }
        }
        let [before, after] = steps.map(|s| s.map(|(n, went_on)| share(went_on, n)));
        within("demo to trial before", seed, before[1], 0.62, 0.80);
        within("demo to trial since", seed, after[1], 0.20, 0.38);
        for i in [0, 2, 3] {
            assert!(
                after[i] > after[1] + 0.25,
                "seed {seed}: step {i} is {:.3}",
                after[i]
            );
        }
        // The step is the weakest over all, and below the agreed 65 %: the other one with a benchmark is not.
        let overall: Vec<f64> = reached_all.windows(2).map(|w| share(w[1], w[0])).collect();
        within("opportunity to demo over all", seed, overall[0], 0.70, 0.80);
        within("demo to trial over all", seed, overall[1], 0.45, 0.60);
        assert!(overall.iter().all(|s| *s >= overall[1]), "{overall:?}");
    });
}

#[test]
fn the_push_reached_the_count_but_not_the_value() {
    at_every_seed(|seed, f, _| {
        let leads = agreed("promise.marketing.leads", "bookings_goal")
            / agreed("promise.marketing.leads", "average_sale")
            / agreed("promise.marketing.leads", "lead_to_opportunity")
            / agreed("promise.marketing.leads", "opportunity_to_won");
        let new = f
            .people
            .iter()
            .filter(|(id, p)| quarter_of(p.at("created_at")) == PUSH && !f.merged.contains(*id))
            .count();
        let attempts = f.leads().filter(|(_, at)| quarter_of(*at) == PUSH).count();
        within(
            "lead goal, new names only",
            seed,
            new as f64 / leads.ceil(),
            1.0,
            1.10,
        );
        within(
            "lead goal, with those who came back",
            seed,
            attempts as f64 / leads.ceil(),
            1.0,
            1.15,
        );

        let mqls = agreed("promise.marketing.mqls", "bookings_goal")
            / agreed("promise.marketing.mqls", "average_sale")
            / agreed("promise.marketing.mqls", "stage_to_opportunity")
            / agreed("promise.marketing.mqls", "opportunity_to_won");
        let people = f.stages.iter().filter(|(id, _)| id.starts_with('P'));
        let reached = people
            .flat_map(|(_, s)| s)
            .filter(|s| s.1 == "mql" && quarter_of(s.0) == PUSH)
            .count();
        within("mql goal", seed, reached as f64 / mqls.ceil(), 1.0, 1.15);

        // A3: expected value by source, frozen when the quarter began, small sources leaning on the mean (k = 200).
        let began = instant(day(2026, 4, 1), 0);
        let table = f.sources(began - 180 * DAY, began);
        let (n, value) = table
            .values()
            .fold((0, 0.0), |(n, v), s| (n + s.0, v + s.2));
        let mean = value / n as f64;
        let expected = |source: &str| {
            let (n, _, value) = table[source];
            let n = n as f64;
            n / (n + 200.0) * (value / n) + 200.0 / (n + 200.0) * mean
        };
        let total: f64 = f
            .leads()
            .filter(|(_, at)| quarter_of(*at) == PUSH)
            .map(|(id, _)| expected(f.people[id].get("lead_source")))
            .sum();
        within(
            "lead value goal",
            seed,
            total / agreed("promise.marketing.lead_value", "goal"),
            0.70,
            0.96,
        );
    });
}

#[test]
fn sales_missed_its_speed_and_kept_or_just_missed_the_rest() {
    at_every_seed(|seed, f, _| {
        let due = |window: i64| {
            let passed = f
                .handoffs
                .iter()
                .copied()
                .filter(|h| quarter_of(h.at("passed_at")) == PUSH);
            passed.filter(move |h| h.at("passed_at") + window <= END)
        };
        let in_hour = |h: &Line| {
            f.first(*h)
                .is_some_and(|a| working(h.at("passed_at"), a) <= HOUR)
        };
        let speed = share(due(HOUR).filter(in_hour).count(), due(HOUR).count());
        within("speed to lead", seed, speed, 0.68, 0.80);
        assert!(speed < agreed("promise.sales.speed_to_lead", "share") - 0.05);
        let in_week = |h: &Line| {
            f.first(*h)
                .is_some_and(|a| a <= h.at("passed_at") + 7 * DAY)
        };
        let worked = share(due(7 * DAY).filter(in_week).count(), due(7 * DAY).count());
        within(
            "leads worked",
            seed,
            worked - agreed("promise.sales.leads_worked", "share"),
            0.0,
            0.06,
        );

        let exempt = ["invalid data", "competitor", "duplicate", "unsubscribed"];
        let (mut dead, mut enough) = (0, 0);
        for (id, stages) in f.stages.iter().filter(|(id, _)| id.starts_with('P')) {
            for (at, _, reason) in stages
                .iter()
                .filter(|s| s.1 == "disqualified" && quarter_of(s.0) == PUSH)
            {
                if exempt.contains(reason) {
                    continue;
                }
                let own = f
                    .handoffs
                    .iter()
                    .filter(|h| h.get("person_id") == *id && h.at("passed_at") < *at);
                let passed = own
                    .map(|h| h.at("passed_at"))
                    .max()
                    .expect("only what was handed over is given up");
                dead += 1;
                enough += usize::from(
                    f.attempts[id]
                        .iter()
                        .filter(|a| (passed..*at).contains(a))
                        .count()
                        >= 6,
                );
            }
        }
        within("dead leads of the quarter", seed, dead as f64, 30.0, 80.0);
        let gap = share(enough, dead) - agreed("promise.sales.attempts_before_dead", "share");
        within("attempts before dead", seed, gap, -0.06, 0.10);
    });
}
