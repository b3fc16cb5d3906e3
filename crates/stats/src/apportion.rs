//! Dividing an amount of money by weights so that the parts add up to the whole: the method of
//! largest remainders (B11).
//!
//! Each part is the exact share rounded down; the units left over go, one each, to the parts with
//! the largest fractions, ties to the earlier part. Every part is within one unit of its exact
//! share. The method is not monotone in the amount (the Alabama paradox): when an amount changes,
//! divide it again, never patch the old parts.

use std::cmp::Reverse;

/// Working memory for [`largest_remainder_into`] and [`largest_remainder_f64_into`] (B11).
///
/// Keep one per thread and reuse it: after the first few calls nothing is allocated. It carries no
/// information from one call to the next.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    narrow: Vec<u64>,
    wide: Vec<u128>,
    order: Vec<usize>,
    scaled: Vec<u64>,
}

/// Divides `amount` by whole-number `weights` (B11).
///
/// `amount` is in minor units (cents), or in any other unit that must not be split, such as tenths
/// of a percent in a table that must add to 100 (S7). The parts come in the order of the weights
/// and add up to `amount` exactly. A negative amount is divided as its absolute value and negated.
/// If all weights are zero the amount is split equally, the first parts getting the odd units.
/// Without weights there are no parts, and the amount stays undivided.
#[must_use]
pub fn largest_remainder(amount: i64, weights: &[u64]) -> Vec<i64> {
    let mut parts = Vec::with_capacity(weights.len());
    largest_remainder_into(amount, weights, &mut parts, &mut Scratch::default());
    parts
}

/// Divides `amount` by `weights` as [`largest_remainder`] does, into `out`, whose former content
/// is dropped (B11). Allocates nothing once `out` and `scratch` have grown to the number of
/// weights.
pub fn largest_remainder_into(
    amount: i64,
    weights: &[u64],
    out: &mut Vec<i64>,
    scratch: &mut Scratch,
) {
    let Scratch {
        narrow,
        wide,
        order,
        ..
    } = scratch;
    divide(amount, weights, out, narrow, wide, order);
}

/// Divides `amount` by fractional `weights` (B11).
///
/// The weights are first turned into whole numbers, times 2^53 and rounded, so that weights that
/// differ only by the noise of binary fractions (0.3 and 0.1 + 0.2) tie and the earlier one wins.
/// If the largest weight is above 1, or below 2^-32, all are first multiplied by a power of two
/// that brings it near 1. A weight that is zero, negative, infinite or not a number has no claim.
/// Otherwise as [`largest_remainder`].
#[must_use]
pub fn largest_remainder_f64(amount: i64, weights: &[f64]) -> Vec<i64> {
    let mut parts = Vec::with_capacity(weights.len());
    largest_remainder_f64_into(amount, weights, &mut parts, &mut Scratch::default());
    parts
}

/// Divides `amount` by fractional `weights` as [`largest_remainder_f64`] does, into `out`, whose
/// former content is dropped (B11). Allocates nothing once `out` and `scratch` have grown to the
/// number of weights.
pub fn largest_remainder_f64_into(
    amount: i64,
    weights: &[f64],
    out: &mut Vec<i64>,
    scratch: &mut Scratch,
) {
    let claim = |w: f64| if w > 0.0 && w.is_finite() { w } else { 0.0 };
    let largest = weights.iter().fold(0.0f64, |most, &w| most.max(claim(w)));
    let scale = whole_number_scale(largest);
    let Scratch {
        narrow,
        wide,
        order,
        scaled,
    } = scratch;
    scaled.clear();
    scaled.extend(weights.iter().map(|&w| {
        // Rounds halves up; a cast and a comparison are faster than `round`.
        let x = claim(w) * scale;
        let whole = x as u64;
        whole + u64::from(x - whole as f64 >= 0.5)
    }));
    divide(amount, scaled, out, narrow, wide, order);
}

/// The power of two that turns weights of at most `largest` into whole numbers of at most 2^53.
fn whole_number_scale(largest: f64) -> f64 {
    const FULL: f64 = 9_007_199_254_740_992.0;
    const TINY: f64 = 1.0 / 4_294_967_296.0;
    if largest <= 0.0 || (TINY..=1.0).contains(&largest) {
        return FULL;
    }
    // The exponent field: 2^exponent <= largest < 2^(exponent + 1).
    let exponent = (largest.to_bits() >> 52) as i32 - 1023;
    // Below 2^-900 the scale itself would overflow; such weights count as nothing.
    2f64.powi(52 - exponent.max(-900))
}

/// Whole-number weights, divided and handed out; see [`largest_remainder`].
fn divide(
    amount: i64,
    weights: &[u64],
    out: &mut Vec<i64>,
    narrow: &mut Vec<u64>,
    wide: &mut Vec<u128>,
    order: &mut Vec<usize>,
) {
    out.clear();
    let Some(&first) = weights.first() else {
        return;
    };
    let magnitude = amount.unsigned_abs();
    if weights.iter().all(|&w| w == first) {
        divide_equally(magnitude, weights.len(), out);
    } else {
        let total: u128 = weights.iter().map(|&w| u128::from(w)).sum();
        match u64::try_from(total) {
            Ok(total) if total < MOST_WEIGHT && magnitude < MOST_AMOUNT => {
                let left = divide_narrow(magnitude, weights, total, out, narrow);
                hand_out(left, out, narrow, order);
            }
            _ => {
                let left = divide_wide(magnitude, weights, total, out, wide);
                hand_out(left, out, wide, order);
            }
        }
    }
    if amount < 0 {
        // Wrapping, because a part can be i64::MIN, stored as 2^63 that wrapped.
        out.iter_mut().for_each(|part| *part = part.wrapping_neg());
    }
}

/// The bounds of [`divide_narrow`].
const MOST_AMOUNT: u64 = 1 << 50;
const MOST_WEIGHT: u64 = 1 << 60;

/// Rounds every share down; returns the units left over. For amounts below 2^50 and a total below
/// 2^60, which is nearly every call.
///
/// The quotient is estimated in floating point. Five roundings of 2^-53 on a quotient below 2^50
/// stay below one, so the estimate is off by one at most, which the exact remainder reveals: it
/// lies within twice the total, so 64 bits hold it although the products may wrap.
fn divide_narrow(
    magnitude: u64,
    weights: &[u64],
    total: u64,
    out: &mut Vec<i64>,
    remainders: &mut Vec<u64>,
) -> usize {
    remainders.clear();
    let units_per_weight = magnitude as f64 / total as f64;
    let mut left = magnitude;
    for &weight in weights {
        let mut part = (weight as f64 * units_per_weight) as u64;
        let exact = weight.wrapping_mul(magnitude);
        let mut remainder = exact.wrapping_sub(part.wrapping_mul(total)) as i64;
        if remainder < 0 {
            part -= 1;
            remainder += total as i64;
        } else if remainder >= total as i64 {
            part += 1;
            remainder -= total as i64;
        }
        left -= part;
        out.push(part as i64);
        remainders.push(remainder as u64);
    }
    left as usize
}

/// As [`divide_narrow`], for any amount and weights: no product exceeds 2^63 times 2^64.
fn divide_wide(
    magnitude: u64,
    weights: &[u64],
    total: u128,
    out: &mut Vec<i64>,
    remainders: &mut Vec<u128>,
) -> usize {
    remainders.clear();
    let mut left = u128::from(magnitude);
    for &weight in weights {
        let product = u128::from(weight) * u128::from(magnitude);
        let part = product / total;
        left -= part;
        out.push(part as i64);
        remainders.push(product - part * total);
    }
    left as usize
}

/// The first parts get the odd units.
fn divide_equally(magnitude: u64, n: usize, out: &mut Vec<i64>) {
    let (part, odd) = (magnitude / n as u64, magnitude % n as u64);
    out.extend((0..n as u64).map(|i| (part + u64::from(i < odd)) as i64));
}

/// Gives one unit each to the `left` parts with the largest remainders, ties to the earlier.
///
/// The remainders add up to `left` times the total weight and each is below the total, so more
/// than `left` of them are positive: a part without a claim never gets a unit.
fn hand_out<R: Copy + Ord + Default>(
    left: usize,
    out: &mut [i64],
    remainders: &mut [R],
    order: &mut Vec<usize>,
) {
    if left == 0 {
        return;
    }
    if left.saturating_mul(out.len()) <= 256 {
        for _ in 0..left {
            let (mut best, mut largest) = (0, R::default());
            for (i, &remainder) in remainders.iter().enumerate() {
                if remainder > largest {
                    (best, largest) = (i, remainder);
                }
            }
            out[best] = out[best].wrapping_add(1);
            remainders[best] = R::default();
        }
        return;
    }
    order.clear();
    order.extend(0..out.len());
    order.select_nth_unstable_by_key(left, |&i| (Reverse(remainders[i]), i));
    for &i in &order[..left] {
        out[i] = out[i].wrapping_add(1);
    }
}
