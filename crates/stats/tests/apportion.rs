//! Golden values and laws of the largest-remainder division (B11).

use proptest::prelude::*;
use treaty_stats::{
    Scratch, largest_remainder, largest_remainder_f64, largest_remainder_f64_into,
    largest_remainder_into,
};

#[test]
fn golden() {
    assert_eq!(largest_remainder(10_000, &[1, 1, 1]), [3_334, 3_333, 3_333]);
    let w_shaped = [30_000, 30_000, 30_000, 3_334, 3_334, 3_333];
    // 1,000.01 by 30/30/30 and 10 shared by three (B5), as thirds and as fractions.
    assert_eq!(
        largest_remainder(100_001, &[90, 90, 90, 10, 10, 10]),
        w_shaped
    );
    let third = 10.0 / 3.0;
    assert_eq!(
        largest_remainder_f64(100_001, &[30.0, 30.0, 30.0, third, third, third]),
        w_shaped
    );
    assert_eq!(
        largest_remainder_f64(100_001, &[0.3, 0.3, 0.3, 0.1 / 3.0, 0.1 / 3.0, 0.1 / 3.0]),
        w_shaped
    );
    assert_eq!(
        largest_remainder(10_001, &[530, 270, 130, 70]),
        [5_301, 2_700, 1_300, 700]
    );
    assert_eq!(largest_remainder(1_003, &[5, 3, 2]), [501, 301, 201]);
}

#[test]
fn signs_zeros_and_ties() {
    assert_eq!(
        largest_remainder(-10_000, &[1, 1, 1]),
        [-3_334, -3_333, -3_333]
    );
    assert_eq!(largest_remainder(5, &[0, 0, 0]), [2, 2, 1]);
    assert_eq!(largest_remainder_f64(-5, &[0.0, 0.0, 0.0]), [-2, -2, -1]);
    assert_eq!(largest_remainder(5, &[0, 7, 0]), [0, 5, 0]);
    assert_eq!(largest_remainder(0, &[3, 4]), [0, 0]);
    assert!(largest_remainder(5, &[]).is_empty());
    assert!(largest_remainder_f64(5, &[]).is_empty());
    // Unequal weights with equal remainders, 2/4 each: the earlier one wins.
    assert_eq!(largest_remainder(2, &[1, 3]), [1, 1]);
    assert_eq!(largest_remainder(2, &[3, 1]), [2, 0]);
}

#[test]
fn the_largest_amounts_and_weights_fit() {
    assert_eq!(largest_remainder(i64::MIN, &[9]), [i64::MIN]);
    assert_eq!(largest_remainder(i64::MIN, &[u64::MAX, 0]), [i64::MIN, 0]);
    assert_eq!(largest_remainder(i64::MIN, &[u64::MAX, 1]), [i64::MIN, 0]);
    assert_eq!(
        largest_remainder(i64::MAX, &[u64::MAX, u64::MAX]),
        [i64::MAX / 2 + 1, i64::MAX / 2]
    );
    assert_eq!(
        largest_remainder(i64::MAX, &[u64::MAX, u64::MAX, u64::MAX - 1])
            .iter()
            .sum::<i64>(),
        i64::MAX
    );
}

#[test]
fn fractional_noise_does_not_decide() {
    // In binary 0.1 + 0.2 is a little more than 0.3; neither may profit from it.
    assert_eq!(largest_remainder_f64(1, &[0.3, 0.1 + 0.2]), [1, 0]);
    assert_eq!(largest_remainder_f64(1, &[0.1 + 0.2, 0.3]), [1, 0]);
    assert_eq!(
        largest_remainder_f64(100, &[1.0, f64::NAN, -3.0, f64::INFINITY]),
        [100, 0, 0, 0]
    );
    assert_eq!(largest_remainder_f64(100, &[3e300, 1e300]), [75, 25]);
    assert_eq!(largest_remainder_f64(100, &[3e-200, 1e-200]), [75, 25]);
    assert_eq!(largest_remainder_f64(100, &[2.0, 1.0, 1.0]), [50, 25, 25]);
    assert_eq!(largest_remainder_f64(100, &[f64::MAX, f64::MAX]), [50, 50]);
    assert_eq!(
        largest_remainder_f64(100, &[f64::from_bits(1), 0.0])
            .iter()
            .sum::<i64>(),
        100
    );
}

#[test]
fn a_reused_scratch_changes_nothing() {
    let (mut out, mut scratch) = (Vec::new(), Scratch::default());
    for n in [40, 3, 7, 1, 0, 25] {
        let whole: Vec<u64> = (0..n).map(|i| (i * 7 + 3) % 11).collect();
        let fractions: Vec<f64> = whole.iter().map(|&w| w as f64 / 11.0).collect();
        largest_remainder_into(99_991, &whole, &mut out, &mut scratch);
        assert_eq!(out, largest_remainder(99_991, &whole));
        largest_remainder_f64_into(-99_991, &fractions, &mut out, &mut scratch);
        assert_eq!(out, largest_remainder_f64(-99_991, &fractions));
    }
}

/// The definition, word for word, in 128-bit arithmetic: the peer.
fn by_definition(amount: i64, weights: &[u64]) -> Vec<i64> {
    let total: u128 = weights.iter().map(|&w| u128::from(w)).sum();
    let weights: Vec<u128> = if total == 0 {
        vec![1; weights.len()]
    } else {
        weights.iter().map(|&w| u128::from(w)).collect()
    };
    let total: u128 = weights.iter().sum();
    let magnitude = u128::from(amount.unsigned_abs());
    let mut parts: Vec<u128> = weights.iter().map(|w| magnitude * w / total).collect();
    let left = (magnitude - parts.iter().sum::<u128>()) as usize;
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by(|&i, &j| {
        (magnitude * weights[j] % total)
            .cmp(&(magnitude * weights[i] % total))
            .then(i.cmp(&j))
    });
    for &i in &order[..left] {
        parts[i] += 1;
    }
    let sign = if amount < 0 { -1 } else { 1 };
    parts.into_iter().map(|part| sign * part as i64).collect()
}

/// Small weights make ties and zeros common; large ones need 128 bits.
fn weights() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![
        prop::collection::vec(0u64..6, 1..12),
        prop::collection::vec(0u64..1_000_000, 1..80),
        prop::collection::vec((1u64 << 56)..(1 << 58), 2..9),
        prop::collection::vec(any::<u64>(), 1..12),
    ]
}

fn amounts() -> impl Strategy<Value = i64> {
    prop_oneof![
        (1i64 << 49)..(1 << 51),
        -200i64..200,
        -10_000_000i64..10_000_000,
        (i64::MIN + 1)..i64::MAX
    ]
}

proptest! {
    #[test]
    fn follows_the_definition(amount in amounts(), weights in weights()) {
        prop_assert_eq!(largest_remainder(amount, &weights), by_definition(amount, &weights));
    }

    #[test]
    fn sums_exactly_and_stays_within_a_unit(amount in amounts(), weights in weights()) {
        let parts = largest_remainder(amount, &weights);
        prop_assert_eq!(parts.iter().map(|&p| i128::from(p)).sum::<i128>(), i128::from(amount));
        let total: u128 = weights.iter().map(|&w| u128::from(w)).sum();
        for (&part, &weight) in parts.iter().zip(&weights) {
            let claim = u128::from(amount.unsigned_abs()) * u128::from(weight);
            let Some(floor) = claim.checked_div(total) else { continue };
            let magnitude = u128::from(part.unsigned_abs());
            prop_assert!(magnitude == floor || magnitude == floor + 1);
            prop_assert!(part == 0 || (part < 0) == (amount < 0));
            prop_assert!(weight > 0 || part == 0);
        }
    }

    #[test]
    fn negation_negates(amount in amounts(), weights in weights()) {
        let negated: Vec<i64> = largest_remainder(amount, &weights).iter().map(|p| -p).collect();
        prop_assert_eq!(largest_remainder(-amount, &weights), negated);
    }

    #[test]
    fn permuting_permutes_unless_remainders_tie(
        amount in amounts(),
        (weights, order) in weights().prop_flat_map(|w| {
            let order: Vec<usize> = (0..w.len()).collect();
            (Just(w), Just(order).prop_shuffle())
        }),
    ) {
        let parts = largest_remainder(amount, &weights);
        let permuted: Vec<u64> = order.iter().map(|&i| weights[i]).collect();
        let permuted_parts = largest_remainder(amount, &permuted);
        let total: u128 = weights.iter().map(|&w| u128::from(w)).sum();
        let remainder = |w: u64| u128::from(amount.unsigned_abs()) * u128::from(w) % total.max(1);
        let mut remainders: Vec<u128> = weights.iter().map(|&w| remainder(w)).collect();
        remainders.sort_unstable();
        let tied = total == 0 || remainders.windows(2).any(|pair| pair[0] == pair[1] && pair[0] > 0);
        for (place, &i) in order.iter().enumerate() {
            if tied {
                prop_assert!((permuted_parts[place].abs_diff(parts[i])) <= 1);
            } else {
                prop_assert_eq!(permuted_parts[place], parts[i]);
            }
        }
        // Equal weights: never more to the later one.
        for i in 0..weights.len() {
            for j in i + 1..weights.len() {
                prop_assert!(weights[i] != weights[j] || parts[i].unsigned_abs() >= parts[j].unsigned_abs());
            }
        }
    }

    #[test]
    fn dyadic_fractions_divide_like_whole_numbers(
        amount in amounts(), weights in prop::collection::vec(0u64..4_096, 1..40),
    ) {
        let fractions: Vec<f64> = weights.iter().map(|&w| w as f64 / 4_096.0).collect();
        prop_assert_eq!(largest_remainder_f64(amount, &fractions), largest_remainder(amount, &weights));
        let large: Vec<f64> = weights.iter().map(|&w| w as f64 * 1e6).collect();
        let scaled: Vec<u64> = weights.iter().map(|&w| w * 1_000_000).collect();
        prop_assert_eq!(largest_remainder_f64(amount, &large), largest_remainder(amount, &scaled));
    }

    #[test]
    fn fractions_sum_exactly(amount in amounts(), weights in prop::collection::vec(any::<f64>(), 1..40)) {
        let parts = largest_remainder_f64(amount, &weights);
        prop_assert_eq!(parts.iter().map(|&p| i128::from(p)).sum::<i128>(), i128::from(amount));
    }
}
