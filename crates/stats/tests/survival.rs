//! Golden values and laws of the survival estimates (A5, A10, A13, C3, S11).

use proptest::prelude::*;
use treaty_stats::{AalenJohansen, End, KaplanMeier, Obs, Spell};

const WON: u8 = 1;
const LOST: u8 = 2;

fn near(x: f64, expected: f64) {
    assert!((x - expected).abs() <= 1e-9, "{x} is not {expected}");
}

fn some_near(x: Option<f64>, expected: f64) {
    near(x.expect("defined"), expected);
}

fn observations(list: &[(f64, bool)]) -> Vec<Obs> {
    list.iter()
        .map(|&(time, event)| Obs { time, event })
        .collect()
}

fn fit(list: &[(f64, bool)]) -> KaplanMeier {
    KaplanMeier::fit(&mut observations(list)).expect("records")
}

/// The example of A13: 20W 30L 30W 45L 60(open) 60W 75L 90(open) 90L 120L.
fn deals() -> Vec<Spell> {
    [
        (120.0, End::Event(LOST)),
        (20.0, End::Event(WON)),
        (30.0, End::Event(LOST)),
        (30.0, End::Event(WON)),
        (45.0, End::Event(LOST)),
        (60.0, End::Open),
        (60.0, End::Event(WON)),
        (75.0, End::Event(LOST)),
        (90.0, End::Open),
        (90.0, End::Event(LOST)),
    ]
    .map(|(time, end)| Spell::from_start(time, end))
    .to_vec()
}

#[test]
fn speed_to_lead_golden() {
    // A5, in minutes; unworked leads censored at 120 and 300.
    let km = fit(&[
        (300.0, false),
        (90.0, true),
        (12.0, true),
        (58.0, true),
        (120.0, false),
        (35.0, true),
    ]);
    for (t, s) in [
        (11.9, 1.0),
        (12.0, 5.0 / 6.0),
        (35.0, 4.0 / 6.0),
        (58.0, 0.5),
        (90.0, 2.0 / 6.0),
        (500.0, 2.0 / 6.0),
    ] {
        assert!((km.survival_at(t) - s).abs() < 1e-15, "S({t})");
    }
    assert_eq!(km.median(), Some(58.0));
    assert_eq!(km.quantile(0.9), None, "two of six still wait");
    assert_eq!(km.quantile(2.0 / 3.0), Some(90.0));
    assert_eq!(
        (km.n(), km.events(), km.excluded(), km.last_time()),
        (6, 4, 0, 300.0)
    );
    assert_eq!(km.quantile(0.0), None);
    assert_eq!(km.quantile(1.5), None);
    assert_eq!(km.quantile(f64::NAN), None);
}

#[test]
fn dwell_golden() {
    // C3.
    let km = fit(&[
        (5.0, true),
        (9.0, true),
        (12.0, true),
        (20.0, false),
        (30.0, false),
    ]);
    assert_eq!(km.median(), Some(12.0));
    some_near(km.rmst(30.0), 17.2);
    some_near(km.rmst(0.0), 0.0);
    some_near(km.rmst(5.0), 5.0);
    some_near(km.rmst(10.0), 5.0 + 3.2 + 0.6);
    assert_eq!(km.rmst(31.0), None, "two were open at the end");
    assert_eq!(km.rmst(-1.0), None);
    assert_eq!(km.rmst(f64::NAN), None);
    some_near(fit(&[(5.0, true), (9.0, true)]).rmst(100.0), 7.0);
    assert_eq!(fit(&[(5.0, true)]).rmst(f64::INFINITY), None);
}

#[test]
fn ties_and_censoring() {
    // At 10 two events and one censored: all four are at risk.
    let km = fit(&[(10.0, false), (10.0, true), (10.0, true), (20.0, true)]);
    near(km.survival_at(10.0), 0.5);
    near(km.survival_at(20.0), 0.0);
    assert_eq!(km.median(), Some(10.0));
    assert_eq!(km.quantile(1.0), Some(20.0));
    // Factors 2/3 and 1/2 around a censoring.
    let km = fit(&[
        (1.0, true),
        (2.0, false),
        (2.5, false),
        (3.0, true),
        (4.0, false),
        (0.5, false),
        (3.5, false),
    ]);
    near(km.survival_at(3.0), 5.0 / 6.0 * 2.0 / 3.0);
}

#[test]
fn unusable_durations_are_left_out() {
    let km = fit(&[
        (f64::NAN, true),
        (-f64::NAN, true),
        (-1.0, true),
        (f64::INFINITY, false),
        (-0.0, true),
        (0.0, true),
        (2.0, false),
    ]);
    assert_eq!((km.n(), km.excluded()), (3, 4));
    near(km.survival_at(0.0), 1.0 / 3.0);
    assert!(KaplanMeier::fit(&mut []).is_none());
    assert!(KaplanMeier::fit(&mut observations(&[(-1.0, true)])).is_none());
    let open_only = fit(&[(3.0, false)]);
    assert_eq!(
        (open_only.median(), open_only.survival_at(3.0)),
        (None, 1.0)
    );
}

#[test]
fn without_censoring_every_ratio_is_exact() {
    let n = 3_000u32;
    let list: Vec<(f64, bool)> = (1..=n).map(|i| (f64::from(i), true)).collect();
    let km = fit(&list);
    for i in 1..=n {
        assert_eq!(
            km.survival_at(f64::from(i)),
            f64::from(n - i) / f64::from(n)
        );
    }
    assert_eq!(km.median(), Some(1_500.0));
    assert_eq!(km.quantile(1.0), Some(3_000.0));
}

#[test]
fn millions_are_fine() {
    // A multiplicative hash as a cheap shuffle; every third record open.
    let n = 2_000_000u64;
    let mut list: Vec<Obs> = (0..n)
        .map(|i| Obs {
            time: (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20) as f64,
            event: i % 3 != 0,
        })
        .collect();
    let spells: Vec<Spell> = list
        .iter()
        .map(|o| Spell::from_start(o.time, if o.event { End::Event(WON) } else { End::Open }))
        .collect();
    let km = KaplanMeier::fit(&mut list).expect("records");
    let aj = AalenJohansen::fit(&spells).expect("records");
    let middle = km.median().expect("reached");
    near(
        aj.cumulative_incidence(WON, middle),
        1.0 - km.survival_at(middle),
    );
    near(aj.open_at(middle), km.survival_at(middle));
    // Constant spread over [0, 2^44), hazard shared 2:1 by events: S = (1 - x)^(2/3).
    let x = middle / 2f64.powi(44);
    assert!(((1.0 - x).powf(2.0 / 3.0) - 0.5).abs() < 0.005, "{x}");
}

#[test]
fn recycling_golden() {
    // A13.
    let aj = AalenJohansen::fit(&deals()).expect("records");
    for (age, share) in [
        (19.0, 0.0),
        (20.0, 0.1),
        (30.0, 0.2),
        (60.0, 0.3),
        (500.0, 0.3),
    ] {
        near(aj.cumulative_incidence(WON, age), share);
    }
    for (age, share) in [
        (20.0, 0.0),
        (30.0, 0.1),
        (45.0, 0.2),
        (75.0, 0.325),
        (90.0, 0.45),
        (120.0, 0.7),
    ] {
        near(aj.cumulative_incidence(LOST, age), share);
    }
    near(aj.final_incidence(WON), 0.3);
    near(aj.final_incidence(LOST), 0.7);
    some_near(aj.p_eventually(WON, 30.0), 0.1 / 0.7);
    some_near(aj.p_eventually(WON, 45.0), 1.0 / 6.0);
    some_near(aj.p_eventually(WON, 60.0), 0.0);
    some_near(aj.p_eventually(WON, 119.0), 0.0);
    some_near(aj.p_eventually(WON, 0.0), 0.3);
    some_near(aj.p_between(WON, 45.0, 30.0), 1.0 / 6.0);
    some_near(aj.p_between(WON, 45.0, 14.0), 0.0);
    some_near(aj.p_between(LOST, 45.0, 30.0), 0.125 / 0.6);
    assert_eq!(aj.p_between(WON, 45.0, -1.0), None);
    assert_eq!(aj.p_between(WON, 45.0, f64::NAN), None);
    assert_eq!(
        aj.p_eventually(WON, 120.0),
        None,
        "nobody was open beyond 120"
    );
    assert_eq!(aj.p_eventually(WON, f64::NAN), None);
    // Resolved tail: the bounds meet.
    some_near(aj.p_eventually_at_most(WON, 45.0), 1.0 / 6.0);
    assert_eq!(aj.causes(), [WON, LOST]);
    assert_eq!((aj.n(), aj.excluded(), aj.last_time()), (10, 0, 120.0));
    assert_eq!(aj.at_risk_after(45.0), 6);
    assert_eq!(aj.at_risk_after(60.0), 4);
    assert_eq!(aj.at_risk_after(120.0), 0);
    near(aj.cumulative_incidence(9, 500.0), 0.0);
    some_near(aj.p_eventually(9, 45.0), 0.0);
}

#[test]
fn time_to_win_and_time_left() {
    let aj = AalenJohansen::fit(&deals()).expect("records");
    assert_eq!(aj.time_to(WON, 1.0 / 3.0), Some(20.0));
    assert_eq!(aj.time_to(WON, 0.5), Some(30.0));
    assert_eq!(aj.time_to(WON, 1.0), Some(60.0));
    assert_eq!(aj.time_to(LOST, 1e-12), Some(30.0));
    assert_eq!(aj.time_to(9, 0.5), None);
    assert_eq!(aj.time_to(WON, 0.0), None);
    // S is .25 on [90, 120), .375 on [75, 90), .5 on [60, 75).
    some_near(
        aj.mean_remaining(60.0),
        (15.0 * 0.5 + 15.0 * 0.375 + 30.0 * 0.25) / 0.5,
    );
    some_near(aj.mean_remaining(100.0), 20.0);
    assert_eq!(aj.mean_remaining(120.0), None);
}

#[test]
fn an_unresolved_tail_leaves_a_gap() {
    let aj = AalenJohansen::fit(&[
        Spell::from_start(10.0, End::Event(WON)),
        Spell::from_start(20.0, End::Event(LOST)),
        Spell::from_start(30.0, End::Open),
        Spell::from_start(40.0, End::Open),
    ])
    .expect("records");
    some_near(aj.p_eventually(WON, 15.0), 0.0);
    some_near(aj.p_eventually_at_most(WON, 15.0), 0.5 / 0.75);
    some_near(aj.p_eventually(WON, 0.0), 0.25);
    some_near(aj.p_eventually_at_most(WON, 0.0), 0.75);
}

#[test]
fn delayed_entry() {
    // Two seen from the start, one only from age 15 on: it is not at risk at 10.
    let spells = [
        Spell::from_start(10.0, End::Event(WON)),
        Spell::from_start(20.0, End::Event(LOST)),
        Spell {
            entry: 15.0,
            time: 30.0,
            end: End::Event(WON),
        },
    ];
    let aj = AalenJohansen::fit(&spells).expect("records");
    near(aj.cumulative_incidence(WON, 10.0), 0.5);
    near(aj.cumulative_incidence(LOST, 20.0), 0.25);
    near(aj.cumulative_incidence(WON, 30.0), 0.75);
    assert_eq!(aj.at_risk_after(12.0), 1);
    assert_eq!(aj.at_risk_after(15.0), 2);
    // Entering at the very age of an event is too late for it.
    let aj = AalenJohansen::fit(&[
        Spell::from_start(10.0, End::Event(WON)),
        Spell::from_start(20.0, End::Open),
        Spell {
            entry: 10.0,
            time: 30.0,
            end: End::Open,
        },
    ])
    .expect("records");
    near(aj.cumulative_incidence(WON, 10.0), 0.5);
    // Deals won on day 0 count; impossible spells do not.
    let aj = AalenJohansen::fit(&[
        Spell::from_start(0.0, End::Event(WON)),
        Spell::from_start(5.0, End::Open),
        Spell {
            entry: 5.0,
            time: 5.0,
            end: End::Event(LOST),
        },
        Spell {
            entry: 6.0,
            time: 5.0,
            end: End::Event(LOST),
        },
        Spell {
            entry: f64::NAN,
            time: 5.0,
            end: End::Event(LOST),
        },
        Spell::from_start(-1.0, End::Event(LOST)),
    ])
    .expect("records");
    assert_eq!((aj.n(), aj.excluded()), (2, 4));
    near(aj.cumulative_incidence(WON, 0.0), 0.5);
    assert!(AalenJohansen::fit(&[]).is_none());
}

fn spells() -> impl Strategy<Value = Vec<Spell>> {
    prop::collection::vec((0u32..12, 0u32..30, 0u8..4), 1..60).prop_map(|list| {
        list.into_iter()
            .map(|(entry, length, end)| Spell {
                // Mostly from the start; whole days, so that ties abound.
                entry: if entry > 8 { f64::from(entry) } else { 0.0 },
                time: f64::from(if entry > 8 {
                    entry + 1 + length
                } else {
                    length
                }),
                end: if end == 0 { End::Open } else { End::Event(end) },
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn shares_add_up_and_never_fall(spells in spells()) {
        let aj = AalenJohansen::fit(&spells).expect("records");
        let mut before = [0.0; 4];
        for age in 0..45 {
            let age = f64::from(age);
            let mut sum = aj.open_at(age);
            for cause in 1..4u8 {
                let share = aj.cumulative_incidence(cause, age);
                prop_assert!(share >= before[usize::from(cause)]);
                before[usize::from(cause)] = share;
                sum += share;
            }
            prop_assert!((sum - 1.0).abs() < 1e-9, "{sum} at {age}");
        }
    }

    #[test]
    fn one_cause_is_kaplan_meier(list in prop::collection::vec((0u32..30, any::<bool>()), 1..80)) {
        let mut observations: Vec<Obs> =
            list.iter().map(|&(time, event)| Obs { time: f64::from(time), event }).collect();
        let spells: Vec<Spell> = observations
            .iter()
            .map(|o| Spell::from_start(o.time, if o.event { End::Event(0) } else { End::Open }))
            .collect();
        let km = KaplanMeier::fit(&mut observations).expect("records");
        let aj = AalenJohansen::fit(&spells).expect("records");
        // The textbook product, with every factor multiplied out.
        let mut product = 1.0;
        for t in 0..30 {
            let (at_risk, events) = list.iter().fold((0.0, 0.0), |(n, d), &(time, event)| {
                (n + f64::from(u8::from(time >= t)), d + f64::from(u8::from(time == t && event)))
            });
            if at_risk > 0.0 {
                product *= 1.0 - events / at_risk;
            }
            let age = f64::from(t);
            prop_assert!((km.survival_at(age) - product).abs() < 1e-12);
            prop_assert!((aj.open_at(age) - product).abs() < 1e-12);
        }
        let shares = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.5];
        prop_assert_eq!(KaplanMeier::quantiles(&mut observations, shares), shares.map(|q| km.quantile(q)));
        for q in [0.1, 0.25, 0.5, 0.75, 0.9, 1.0] {
            if let Some(t) = km.quantile(q) {
                prop_assert!(km.survival_at(t) <= 1.0 - q + 1e-9);
                prop_assert!(km.survival_at(t - 0.5) > 1.0 - q);
            } else {
                prop_assert!(km.survival_at(1e9) > 1.0 - q);
            }
        }
    }

    #[test]
    fn probabilities_of_an_open_record_split(spells in spells(), age in 0u32..30, horizon in 0u32..30) {
        let aj = AalenJohansen::fit(&spells).expect("records");
        let (age, horizon) = (f64::from(age), f64::from(horizon));
        let mut sum = 0.0;
        for cause in 1..4u8 {
            let Some(eventually) = aj.p_eventually(cause, age) else { return Ok(()) };
            let soon = aj.p_between(cause, age, horizon).expect("as defined");
            let most = aj.p_eventually_at_most(cause, age).expect("as defined");
            prop_assert!(soon <= eventually + 1e-12 && eventually <= most + 1e-12);
            sum += eventually;
        }
        prop_assert!(sum <= 1.0 + 1e-9);
    }

    #[test]
    fn order_does_not_matter(spells in spells()) {
        let mut turned = spells.clone();
        turned.reverse();
        let (one, two) = (AalenJohansen::fit(&spells).expect("records"), AalenJohansen::fit(&turned).expect("records"));
        for age in 0..45 {
            prop_assert_eq!(one.open_at(f64::from(age)), two.open_at(f64::from(age)));
            prop_assert_eq!(one.cumulative_incidence(1, f64::from(age)), two.cumulative_incidence(1, f64::from(age)));
        }
    }
}
