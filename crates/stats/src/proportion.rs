//! Rates with their uncertainty, and the one rounding rule for display.

/// The standard normal quantile of a two-sided 95 % interval.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// A 95 % interval, in the unit of the figure it belongs to (S12).
///
/// Both ends are finite and `low <= high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `x` lies in the interval, ends included. A benchmark that lies inside is not
    /// distinguishable from the observed rate (C7).
    #[must_use]
    pub fn contains(&self, x: f64) -> bool {
        self.low <= x && x <= self.high
    }
}

/// The Wilson score interval, 95 %, for `k` successes among `n` (S12, A9, C7).
///
/// A share between 0 and 1. With `k = 0` the lower end is exactly 0, with `k = n` the upper
/// end is exactly 1. `None` when `n = 0` (no population) or `k > n` (not a proportion).
#[must_use]
pub fn wilson(k: u64, n: u64) -> Option<Interval> {
    if n == 0 || k > n {
        return None;
    }
    let total = n as f64;
    let p = k as f64 / total;
    let z2 = Z_95 * Z_95;
    let denominator = 1.0 + z2 / total;
    let centre = (p + z2 / (2.0 * total)) / denominator;
    let half = Z_95 / denominator * (p * (1.0 - p) / total + z2 / (4.0 * total * total)).sqrt();
    Some(Interval {
        low: if k == 0 {
            0.0
        } else {
            (centre - half).max(0.0)
        },
        high: if k == n {
            1.0
        } else {
            (centre + half).min(1.0)
        },
    })
}

/// The difference of two rates, `k2/n2 - k1/n1`, with Newcombe's hybrid score interval,
/// 95 % (A20, C7).
///
/// A difference of shares: 0.018 is 1.8 percentage points. Group 1 is the base (control, or
/// the earlier period). `None` when either group is empty or has more successes than members.
#[must_use]
pub fn newcombe(k1: u64, n1: u64, k2: u64, n2: u64) -> Option<(f64, Interval)> {
    let (first, second) = (wilson(k1, n1)?, wilson(k2, n2)?);
    let (p1, p2) = (k1 as f64 / n1 as f64, k2 as f64 / n2 as f64);
    let difference = p2 - p1;
    let below = (p2 - second.low).hypot(first.high - p1);
    let above = (second.high - p2).hypot(p1 - first.low);
    Some((
        difference,
        Interval {
            low: (difference - below).max(-1.0),
            high: (difference + above).min(1.0),
        },
    ))
}

/// Rounds `x` to `digits` decimals, halves away from zero: the display rule (S7).
///
/// 2.5 becomes 3 and -2.5 becomes -3, where Rust's own formatting gives 2 and -2. A value
/// that misses a half only by the noise of binary arithmetic (1.005, a carried 348.5) counts
/// as the half it stands for. Values beyond 2^53 units of the last digit come back as they
/// are, as do infinities and `NaN`. Never used inside a calculation, only for what is shown.
#[must_use]
pub fn round_half_away(x: f64, digits: u32) -> f64 {
    let factor = 10f64.powi(i32::try_from(digits).unwrap_or(i32::MAX));
    let scaled = x.abs() * factor;
    if scaled.is_nan() || scaled >= 9_007_199_254_740_992.0 {
        return x;
    }
    let floor = scaled.floor();
    let noise = 16.0 * f64::EPSILON * scaled.max(1.0);
    let units = if scaled - floor >= 0.5 - noise {
        floor + 1.0
    } else {
        floor
    };
    // A zero carries no sign: "-0" is not shown.
    if units == 0.0 {
        0.0
    } else {
        (units / factor).copysign(x)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(x: f64, expected: f64, tolerance: f64) {
        assert!((x - expected).abs() <= tolerance, "{x} is not {expected}");
    }

    fn wilson_of(k: u64, n: u64) -> Interval {
        wilson(k, n).expect("a proportion")
    }

    #[test]
    fn wilson_matches_the_golden_rows() {
        // A9: Twitter #5 and Search #45.
        near(wilson_of(33, 157).low, 0.1538, 5e-5);
        near(wilson_of(33, 157).high, 0.2805, 5e-5);
        near(wilson_of(1, 185).low, 0.0010, 5e-5);
        near(wilson_of(1, 185).high, 0.0300, 5e-5);
        // A12: the four stages and the win rate.
        for (k, n, low, high) in [
            (318, 497, 0.5967, 0.6808),
            (270, 318, 0.8056, 0.8842),
            (186, 270, 0.6313, 0.7411),
            (155, 186, 0.7731, 0.8800),
            (155, 497, 0.2727, 0.3539),
        ] {
            near(wilson_of(k, n).low, low, 5e-5);
            near(wilson_of(k, n).high, high, 5e-5);
        }
        // A14: accepted of passed, of decided, to forecast.
        near(wilson_of(75, 120).low, 0.536, 5e-4);
        near(wilson_of(75, 120).high, 0.706, 5e-4);
        near(wilson_of(75, 100).low, 0.657, 5e-4);
        near(wilson_of(75, 100).high, 0.825, 5e-4);
        near(wilson_of(40, 75).low, 0.422, 5e-4);
        near(wilson_of(40, 75).high, 0.642, 5e-4);
    }

    #[test]
    fn wilson_has_exact_ends_and_no_answer_for_nobody() {
        assert_eq!(wilson_of(0, 20).low, 0.0);
        near(wilson_of(0, 20).high, 0.1611, 5e-5);
        near(wilson_of(3, 3).low, 0.4385, 5e-5);
        assert_eq!(wilson_of(3, 3).high, 1.0);
        assert_eq!(wilson(0, 0), None);
        assert_eq!(wilson(4, 3), None);
        // A4's worked rate, C7's verdicts: 70 % is outside, 65 % is inside.
        assert!(!wilson_of(318, 497).contains(0.70));
        assert!(wilson_of(318, 497).contains(0.65));
    }

    #[test]
    fn newcombe_matches_the_golden_test() {
        // A20: 84 of 2,000 against 120 of 2,000.
        let (difference, interval) = newcombe(84, 2_000, 120, 2_000).expect("two groups");
        near(difference, 0.018, 1e-12);
        near(interval.low, 0.004_357, 1e-6);
        near(interval.high, 0.031_796, 1e-6);
        assert_eq!(newcombe(0, 0, 1, 2), None);
        assert_eq!(newcombe(1, 2, 3, 2), None);
    }

    #[test]
    fn halves_round_away_from_zero() {
        for (x, digits, expected) in [
            (2.5, 0, 3.0),
            (-2.5, 0, -3.0),
            (348.5, 0, 349.0),
            (347.9, 0, 348.0),
            (0.499_999, 0, 0.0),
            (1.005, 2, 1.01),
            (2.675, 2, 2.68),
            (-1.005, 2, -1.01),
            (66.666_666, 1, 66.7),
            (1e300, 2, 1e300),
            (123.456, 400, 123.456),
        ] {
            assert_eq!(
                round_half_away(x, digits),
                expected,
                "{x} to {digits} digits"
            );
        }
        assert!(round_half_away(f64::NAN, 0).is_nan());
        assert_eq!(round_half_away(f64::INFINITY, 0), f64::INFINITY);
        assert!(round_half_away(-0.2, 0).is_sign_positive());
    }
}
