//! Lead goals from bookings goals: the reverse funnel (A1, A2).

use crate::counting::{falling_tail, ln_binomial};

/// The number of leads (or MQLs, with the MQL rates) that a bookings goal asks for:
/// bookings / (ASP r1 r2), rounded up once, at the end (A1, A2).
///
/// `bookings_minor` and `asp_minor` are in minor units of one currency at one rate; `asp_minor`
/// is the mean price of a won deal; `r1` and `r2` are the two conversion rates of the chain, lead
/// to opportunity and opportunity to deal, as shares from mature cohorts. Rounding up ignores
/// the noise of binary fractions: 1,000,000 / (8,000 * 0.2 * 0.25) is 2,500, not 2,501. A goal of
/// zero or less (already met by the open pipeline) asks for 0 leads. `None` when the price or a
/// rate is zero or less, a rate is above 1 or not a number, or the goal exceeds `u64`.
///
/// This many leads reach the goal only about half the time; see [`leads_for_probability`].
#[must_use]
pub fn lead_goal(bookings_minor: i64, asp_minor: i64, r1: f64, r2: f64) -> Option<u64> {
    let share = |r: f64| r > 0.0 && r <= 1.0;
    if asp_minor <= 0 || !share(r1) || !share(r2) {
        return None;
    }
    if bookings_minor <= 0 {
        return Some(0);
    }
    let leads = bookings_minor as f64 / (asp_minor as f64 * r1 * r2);
    let nearest = leads.round();
    // The roundings in the quotient and in the two rates stay well below 1e-14 of it.
    let whole = if (leads - nearest).abs() <= 1e-14 * leads {
        nearest
    } else {
        leads.ceil()
    };
    (whole < u64::MAX as f64).then_some(whole as u64)
}

/// The number of won deals that reach a bookings goal: bookings / ASP, rounded up, in exact
/// integers (A1).
///
/// Amounts in minor units of one currency. A goal of zero or less needs 0 deals. `None` when the
/// price is zero or less.
#[must_use]
pub fn deals_needed(bookings_minor: i64, asp_minor: i64) -> Option<u64> {
    let asp = u64::try_from(asp_minor).ok().filter(|&asp| asp > 0)?;
    Some(u64::try_from(bookings_minor).map_or(0, |bookings| bookings.div_ceil(asp)))
}

/// The probability of at least `wins_needed` wins among `n` leads that each win with
/// probability `p`, independently: the binomial survival function (A1).
///
/// A probability in 0..=1. Accurate in both tails, also for millions of leads; the time grows
/// with the square root of `n`. `None` when `p` is not a probability.
#[must_use]
pub fn p_at_least(wins_needed: u64, n: u64, p: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    if wins_needed == 0 || p == 1.0 {
        return Some(if wins_needed <= n { 1.0 } else { 0.0 });
    }
    if wins_needed > n || p == 0.0 {
        return Some(0.0);
    }
    let (w, n, q) = (wins_needed as f64, n as f64, 1.0 - p);
    let odds = p / q;
    // Sum the side that does not hold the bulk, from its largest term outwards.
    let probability = if w > n * p {
        ln_binomial(w, n, p, q).exp() * falling_tail(|i| (n - w - i) / (w + i + 1.0) * odds)
    } else {
        let last = w - 1.0;
        1.0 - ln_binomial(last, n, p, q).exp()
            * falling_tail(|i| (last - i) / (n - last + i + 1.0) / odds)
    };
    Some(probability.clamp(0.0, 1.0))
}

/// The smallest number of leads that brings at least `wins_needed` wins with probability at
/// least `q`, when each lead wins with probability `p` (A1: `L_q`).
///
/// With the goal of [`lead_goal`] the chance is about one half; this is the number for a chance
/// of 80 or 90 %. Rates are taken as known. 0 when no win is needed or `q <= 0`. `None` when `p`
/// or `q` is not a probability, when `p` is 0, when certainty is asked of an uncertain win
/// (`q = 1`, `p < 1`), and beyond 10^12 leads.
#[must_use]
pub fn leads_for_probability(wins_needed: u64, p: f64, q: f64) -> Option<u64> {
    const MOST: u64 = 1_000_000_000_000;
    if !(0.0..=1.0).contains(&p) || !(0.0..=1.0).contains(&q) {
        return None;
    }
    if wins_needed == 0 || q == 0.0 {
        return Some(0);
    }
    if p == 1.0 {
        return Some(wins_needed);
    }
    if p == 0.0 || q == 1.0 {
        return None;
    }
    // `short` leads do not suffice, `enough` do. One lead fewer than the wins never suffices.
    let mut short = wins_needed - 1;
    let mut enough = wins_needed.max((wins_needed as f64 / p) as u64);
    if enough > MOST {
        return None;
    }
    while p_at_least(wins_needed, enough, p)? < q {
        short = enough;
        enough = enough.checked_mul(2).filter(|&leads| leads <= MOST)?;
    }
    while enough - short > 1 {
        let middle = short + (enough - short) / 2;
        if p_at_least(wins_needed, middle, p)? < q {
            short = middle;
        } else {
            enough = middle;
        }
    }
    Some(enough)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bookings_golden() {
        // A1 and A2, in cents.
        assert_eq!(lead_goal(100_000_000, 800_000, 0.2, 0.25), Some(2_500));
        assert_eq!(lead_goal(100_000_000, 750_000, 0.2, 0.25), Some(2_667));
        assert_eq!(lead_goal(100_000_000, 800_000, 0.4, 0.25), Some(1_250));
        assert_eq!(deals_needed(100_000_000, 800_000), Some(125));
        assert_eq!(deals_needed(100_000_000, 750_000), Some(134));
    }

    #[test]
    fn undefined_goals() {
        assert_eq!(lead_goal(100, 0, 0.2, 0.2), None);
        assert_eq!(lead_goal(100, -5, 0.2, 0.2), None);
        assert_eq!(lead_goal(100, 5, 0.0, 0.2), None);
        assert_eq!(lead_goal(100, 5, 0.2, f64::NAN), None);
        assert_eq!(lead_goal(100, 5, 0.2, 1.2), None);
        assert_eq!(lead_goal(i64::MAX, 1, 1e-9, 1e-9), None);
        assert_eq!(lead_goal(0, 5, 0.2, 0.2), Some(0));
        assert_eq!(lead_goal(-100, 5, 0.2, 0.2), Some(0));
        assert_eq!(lead_goal(1, 1_000_000, 0.2, 0.2), Some(1));
        assert_eq!(deals_needed(-1, 5), Some(0));
        assert_eq!(deals_needed(i64::MAX, 1), Some(i64::MAX.unsigned_abs()));
        assert_eq!(deals_needed(1, 0), None);
    }

    #[test]
    fn chance_golden() {
        let half = p_at_least(125, 2_500, 0.05).expect("a probability");
        assert!((half - 0.5128).abs() < 1e-4, "{half}");
        assert_eq!(leads_for_probability(125, 0.05, 0.8), Some(2_681));
        assert_eq!(leads_for_probability(125, 0.05, 0.9), Some(2_783));
    }

    #[test]
    fn chance_edges() {
        assert_eq!(p_at_least(0, 0, 0.3), Some(1.0));
        assert_eq!(p_at_least(1, 0, 0.3), Some(0.0));
        assert_eq!(p_at_least(3, 3, 1.0), Some(1.0));
        assert_eq!(p_at_least(4, 3, 1.0), Some(0.0));
        assert_eq!(p_at_least(1, 3, 0.0), Some(0.0));
        assert_eq!(p_at_least(1, 3, 1.5), None);
        assert_eq!(p_at_least(1, 3, f64::NAN), None);
        assert_eq!(leads_for_probability(0, 0.1, 0.9), Some(0));
        assert_eq!(leads_for_probability(5, 1.0, 1.0), Some(5));
        assert_eq!(leads_for_probability(5, 0.5, 1.0), None);
        assert_eq!(leads_for_probability(5, 0.0, 0.5), None);
        assert_eq!(leads_for_probability(5, 0.5, 0.0), Some(0));
        assert_eq!(leads_for_probability(5, 0.5, f64::NAN), None);
        assert_eq!(leads_for_probability(u64::MAX, 0.5, 0.5), None);
        // One win with probability 1/2: seven leads give 127/128.
        assert_eq!(leads_for_probability(1, 0.5, 0.99), Some(7));
    }

    #[test]
    fn large_numbers_stay_accurate() {
        // Symmetric: P(X >= n/2 + 1) = (1 - P(X = n/2)) / 2, and P(X = n/2) is near
        // (1 - 1/4n) / sqrt(pi n / 2).
        let n = 4_000_000u64;
        let centre =
            (1.0 - 1.0 / (4.0 * n as f64)) / (std::f64::consts::PI * n as f64 / 2.0).sqrt();
        let found = p_at_least(n / 2 + 1, n, 0.5).expect("a probability");
        assert!((found - (1.0 - centre) / 2.0).abs() < 1e-10, "{found}");
        let goal = leads_for_probability(1_000_000, 0.05, 0.9).expect("a goal");
        assert!(p_at_least(1_000_000, goal, 0.05).expect("a probability") >= 0.9);
        assert!(p_at_least(1_000_000, goal - 1, 0.05).expect("a probability") < 0.9);
    }

    proptest! {
        #[test]
        fn the_goal_suffices_and_one_fewer_does_not(
            bookings in 1i64..1_000_000_000, asp in 1i64..1_000_000, k1 in 1u32..100, k2 in 1u32..100,
        ) {
            // Rates in whole percent, so that the true quotient is a ratio of integers.
            let goal = lead_goal(bookings, asp, f64::from(k1) / 100.0, f64::from(k2) / 100.0);
            let numerator = i128::from(bookings) * 10_000;
            let denominator = i128::from(asp) * i128::from(k1) * i128::from(k2);
            let expected = (numerator + denominator - 1) / denominator;
            prop_assert_eq!(goal.map(i128::from), Some(expected));
        }

        #[test]
        fn survival_agrees_with_plain_summation(w in 0u64..60, n in 0u64..60, p in 0.001..0.999f64) {
            let mut pmf = vec![0.0; n as usize + 1];
            pmf[0] = 1.0;
            for _ in 0..n {
                for x in (0..pmf.len()).rev() {
                    pmf[x] = pmf[x] * (1.0 - p) + if x > 0 { pmf[x - 1] * p } else { 0.0 };
                }
            }
            let expected: f64 = pmf.iter().skip(w as usize).sum();
            let found = p_at_least(w, n, p).expect("a probability");
            prop_assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }

        #[test]
        fn fewest_leads(w in 1u64..200, p in 0.01..0.99f64, q in 0.01..0.99f64) {
            let leads = leads_for_probability(w, p, q).expect("reachable");
            prop_assert!(p_at_least(w, leads, p).expect("a probability") >= q);
            prop_assert!(p_at_least(w, leads - 1, p).expect("a probability") < q);
        }
    }
}
