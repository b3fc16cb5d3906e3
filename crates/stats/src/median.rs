//! Medians and quantiles of complete data, interpolated between neighbours.
//!
//! For durations of which some are still open use [`crate::survival`]: a median of the
//! finished ones alone is biased short (A5, C3).

use std::cmp::Ordering;

/// The median: the middle value, or the mean of the two middle values (A1, A10).
///
/// In the unit of the values. `None` for an empty slice or when a value is `NaN`.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The median of integers, such as days or minor units (A1, A10).
///
/// Not rounded: the median of 1 and 2 is 1.5. `None` for an empty slice.
#[must_use]
pub fn median_i64(values: &[i64]) -> Option<f64> {
    quantile_i64(values, 0.5)
}

/// The quantile `q` by linear interpolation between order statistics: with the values sorted
/// from 0 to n-1, the value at position `q * (n - 1)` (Hyndman-Fan type 7, the usual default).
///
/// In the unit of the values. `None` for an empty slice, for `q` outside 0..=1, and when a
/// value is `NaN`.
#[must_use]
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    if values.iter().any(|x| x.is_nan()) {
        return None;
    }
    let (low, high, weight) = neighbours(values, q, f64::total_cmp)?;
    // Equal neighbours first: infinity minus infinity has no value.
    Some(if low == high || weight == 0.0 {
        low
    } else {
        low + (high - low) * weight
    })
}

/// The quantile `q` of integers, interpolated as in [`quantile`].
///
/// `None` for an empty slice and for `q` outside 0..=1. Values beyond 2^53 lose their last
/// digits in the result, never in the ordering.
#[must_use]
pub fn quantile_i64(values: &[i64], q: f64) -> Option<f64> {
    let (low, high, weight) = neighbours(values, q, i64::cmp)?;
    let gap = i128::from(high) - i128::from(low);
    Some(low as f64 + gap as f64 * weight)
}

/// The two order statistics around the quantile and the weight of the upper one; linear time.
fn neighbours<T: Copy>(
    values: &[T],
    q: f64,
    order: impl Fn(&T, &T) -> Ordering + Copy,
) -> Option<(T, T, f64)> {
    if values.is_empty() || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let position = q * (values.len() - 1) as f64;
    // `q <= 1`, so the rank is an index; `min` guards the rounding of the product.
    let rank = (position as usize).min(values.len() - 1);
    let mut copy = values.to_vec();
    let (_, low, rest) = copy.select_nth_unstable_by(rank, order);
    let low = *low;
    let high = rest.iter().copied().min_by(order).unwrap_or(low);
    Some((low, high, position - rank as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_even_and_empty() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[1.0, f64::NAN]), None);
        assert_eq!(median(&[f64::INFINITY, f64::INFINITY]), Some(f64::INFINITY));
        assert_eq!(median_i64(&[2, 1]), Some(1.5));
        assert_eq!(median_i64(&[i64::MIN, i64::MAX]), Some(0.0));
        assert_eq!(median_i64(&[]), None);
        // A5: the naive median of the worked leads alone.
        assert_eq!(median(&[12.0, 35.0, 58.0, 90.0]), Some(46.5));
    }

    #[test]
    fn quantiles_interpolate() {
        // numpy.quantile([10, 20, 30, 40], [.25, .9]) is 17.5 and 37.
        let values = [40.0, 10.0, 30.0, 20.0];
        assert_eq!(quantile(&values, 0.25), Some(17.5));
        assert!((quantile(&values, 0.9).expect("in range") - 37.0).abs() < 1e-12);
        assert_eq!(quantile(&values, 0.0), Some(10.0));
        assert_eq!(quantile(&values, 1.0), Some(40.0));
        assert_eq!(quantile(&values, 1.1), None);
        assert_eq!(quantile(&values, f64::NAN), None);
        assert_eq!(quantile_i64(&[10, 20, 30, 40], 0.25), Some(17.5));
    }

    proptest! {
        #[test]
        fn agrees_with_sorting(values in prop::collection::vec(-1e6..1e6f64, 1..60), q in 0.0..=1.0f64) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let position = q * (sorted.len() - 1) as f64;
            let (below, above) = (position.floor() as usize, position.ceil() as usize);
            let expected = sorted[below] + (sorted[above] - sorted[below]) * position.fract();
            let found = quantile(&values, q).expect("not empty");
            prop_assert!((found - expected).abs() < 1e-6);
        }
    }
}
