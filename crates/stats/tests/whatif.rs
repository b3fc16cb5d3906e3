//! Golden values and laws of the stage chain (A11, A12).

use proptest::prelude::*;
use treaty_stats::{Chain, Lift, WEAKEST_DRAWS, marginal_gain, p_weakest, shown, stable_seed};

const COUNTS: [u64; 5] = [497, 318, 270, 186, 155];

fn published() -> Chain {
    Chain::from_published(497, &[0.640, 0.849, 0.689, 0.833]).expect("shares")
}

fn exact() -> Chain {
    Chain::from_counts(&COUNTS).expect("sinking counts")
}

fn all_near(counts: &[Option<f64>], expected: &[f64], tolerance: f64) {
    assert_eq!(counts.len(), expected.len());
    for (count, expected) in counts.iter().zip(expected) {
        let count = count.expect("defined");
        assert!(
            (count - expected).abs() <= tolerance,
            "{count} is not {expected}"
        );
    }
}

#[test]
fn published_rates_reproduce_the_seed_table() {
    let base = published().counts();
    all_near(
        &base,
        &[
            497.0,
            318.08,
            270.049_92,
            186.064_394_88,
            154.991_640_935_04,
        ],
        1e-9,
    );
    assert_eq!(shown(&base), [497, 318, 270, 186, 155].map(Some));

    let plus_six = published()
        .what_if(0, Lift::Points(0.06))
        .expect("a scenario");
    all_near(
        &plus_six.counts,
        &[497.0, 347.9, 295.367_1, 203.507_931_9, 169.522_107_272_7],
        1e-9,
    );
    assert_eq!(shown(&plus_six.counts), [497, 348, 295, 204, 170].map(Some));
    assert!(!plus_six.capped);
    assert!((plus_six.rate - 0.70).abs() < 1e-12);
    assert!((plus_six.gain.expect("defined") - 14.530_466).abs() < 1e-6);

    let relative = published()
        .what_if(0, Lift::Relative(0.06))
        .expect("a scenario");
    assert!((relative.counts[4].expect("defined") - 164.3).abs() < 0.05);
}

#[test]
fn exact_counts_differ_as_the_reference_says() {
    assert_eq!(exact().counts(), COUNTS.map(|n| Some(n as f64)));
    let plus_six = exact().what_if(0, Lift::Points(0.06)).expect("a scenario");
    assert_eq!(shown(&plus_six.counts), [497, 348, 295, 203, 170].map(Some));
    assert!((plus_six.counts[4].expect("defined") - 169.535).abs() < 5e-4);
}

#[test]
fn six_points_at_each_step() {
    let gains = [14.530_466, 10.953_473, 13.497_095, 11.163_864];
    for (step, expected) in gains.into_iter().enumerate() {
        let gain = marginal_gain(&published(), step, Lift::Points(0.06)).expect("a gain");
        assert!((gain - expected).abs() < 1e-6, "{gain} at {step}");
        let relative = marginal_gain(&published(), step, Lift::Relative(0.06)).expect("a gain");
        assert!(
            (relative - 0.06 * 154.991_640_935_04).abs() < 1e-9,
            "equal relative lifts tie"
        );
    }
    assert_eq!(published().weakest(), Some(0));
    assert_eq!(exact().weakest(), Some(0));
    assert_eq!(
        Chain::from_published(9, &[0.5, 0.4, 0.4])
            .expect("shares")
            .weakest(),
        Some(1)
    );
}

#[test]
fn caps_are_flagged() {
    let up = published()
        .what_if(1, Lift::Points(0.2))
        .expect("a scenario");
    assert!(up.capped);
    assert_eq!(up.rate, 1.0);
    assert_eq!(up.counts[2], up.counts[1]);
    assert!(
        published()
            .what_if(1, Lift::Relative(0.5))
            .expect("a scenario")
            .capped
    );
    let down = published()
        .what_if(0, Lift::Points(-0.9))
        .expect("a scenario");
    assert!(down.capped);
    assert_eq!(down.counts[4], Some(0.0));
    // Landing exactly on 1 is not a cap.
    let full = Chain::from_published(10, &[0.94]).expect("shares");
    assert!(
        !full
            .what_if(0, Lift::Points(0.06))
            .expect("a scenario")
            .capped
    );
}

#[test]
fn undefined_chains() {
    assert_eq!(Chain::from_counts(&[5]), None);
    assert_eq!(Chain::from_counts(&[5, 6]), None);
    assert_eq!(Chain::from_published(5, &[]), None);
    assert_eq!(Chain::from_published(5, &[1.1]), None);
    assert_eq!(Chain::from_published(5, &[f64::NAN]), None);
    let empty = Chain::from_counts(&[0, 0, 0]).expect("sinking");
    assert_eq!(empty.counts(), [Some(0.0), None, None]);
    assert_eq!(empty.weakest(), None);
    assert_eq!(empty.what_if(0, Lift::Points(0.1)), None);
    // Nobody passed the first step: what would happen below is not known.
    let stuck = Chain::from_counts(&[10, 0, 0]).expect("sinking");
    assert_eq!(stuck.counts(), [Some(10.0), Some(0.0), None]);
    let scenario = stuck.what_if(0, Lift::Points(0.1)).expect("a scenario");
    assert_eq!(scenario.counts, [Some(10.0), Some(1.0), None]);
    assert_eq!(marginal_gain(&stuck, 0, Lift::Points(0.1)), None);
    assert_eq!(shown(&scenario.counts), [Some(10), Some(1), None]);
    assert_eq!(exact().what_if(4, Lift::Points(0.1)), None);
    assert_eq!(exact().what_if(0, Lift::Points(f64::NAN)), None);
    assert_eq!(exact().what_if_discounted(0, Lift::Points(0.1), 1.5), None);
}

#[test]
fn a_discount_lowers_only_what_is_added() {
    let lift = Lift::Points(0.06);
    let half = published()
        .what_if_discounted(0, lift, 0.5)
        .expect("a scenario");
    // 29.82 more demos, each of three steps at half its rate: an eighth of the full gain.
    let full = published()
        .what_if(0, lift)
        .expect("a scenario")
        .gain
        .expect("defined");
    assert!((half.gain.expect("defined") - full / 8.0).abs() < 1e-9);
    assert_eq!(
        half.counts[1],
        published().what_if(0, lift).expect("a scenario").counts[1]
    );
    let none = published()
        .what_if_discounted(0, lift, 1.0)
        .expect("a scenario");
    assert!(none.gain.expect("defined").abs() < 1e-12);
}

#[test]
fn probability_of_being_the_weakest() {
    let steps: Vec<(u64, u64)> = COUNTS.windows(2).map(|pair| (pair[1], pair[0])).collect();
    let seed = stable_seed(&["treaty", "A12", "seed table"]);
    let shares = p_weakest(&steps, WEAKEST_DRAWS, seed).expect("steps");
    assert!((shares[0] - 0.913).abs() < 0.005, "{shares:?}");
    assert!((shares[2] - 0.087).abs() < 0.005, "{shares:?}");
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(p_weakest(&steps, WEAKEST_DRAWS, seed), Some(shares.clone()));
    assert_ne!(p_weakest(&steps, WEAKEST_DRAWS, seed + 1), Some(shares));
    assert_eq!(p_weakest(&[], 10, 1), None);
    assert_eq!(p_weakest(&steps, 0, 1), None);
    assert_eq!(p_weakest(&[(3, 2)], 10, 1), None);
    assert_eq!(p_weakest(&[(1, 2)], 10, 1), Some(vec![1.0]));
}

proptest! {
    #[test]
    fn counts_come_back_exactly(mut counts in prop::collection::vec(1u64..1_000_000, 2..8)) {
        counts.sort_unstable_by(|x, y| y.cmp(x));
        let chain = Chain::from_counts(&counts).expect("sinking");
        let expected: Vec<Option<f64>> = counts.iter().map(|&n| Some(n as f64)).collect();
        prop_assert_eq!(chain.counts(), expected);
    }

    #[test]
    fn nothing_changes_without_a_lift_and_a_lift_never_hurts(
        rates in prop::collection::vec(0.01..1.0f64, 1..6), step in 0usize..6, delta in 0.0..0.5f64, discount in 0.0..=1.0f64,
    ) {
        let chain = Chain::from_published(1_000, &rates).expect("shares");
        let Some(same) = chain.what_if(step, Lift::Points(0.0)) else {
            prop_assert!(step >= rates.len());
            return Ok(());
        };
        prop_assert_eq!(same.counts, chain.counts());
        let full = marginal_gain(&chain, step, Lift::Points(delta)).expect("a gain");
        let discounted = chain
            .what_if_discounted(step, Lift::Points(delta), discount)
            .and_then(|scenario| scenario.gain)
            .expect("a gain");
        prop_assert!(full >= -1e-9 && discounted >= -1e-9 && discounted <= full + 1e-9);
    }
}
