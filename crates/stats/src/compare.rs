//! Comparing two groups, and many segments at once (A7, C8).

use crate::counting::{falling_tail, ln_hypergeometric};
use crate::proportion::{Interval, Z_95};

/// Counts of two groups against one outcome (A7).
///
/// The first row is the exposed group (worked within 60 minutes, the segment in question), the
/// second the group it is compared with (worked later, the rest). Counts are of persons or
/// records, exact up to 2^53.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// First group, with the outcome.
    pub a: u64,
    /// First group, without the outcome.
    pub b: u64,
    /// Second group, with the outcome.
    pub c: u64,
    /// Second group, without the outcome.
    pub d: u64,
}

impl Table {
    /// A table from `k1` successes among `n1` and `k2` among `n2`. `None` when either group
    /// has more successes than members.
    #[must_use]
    pub fn from_rates(k1: u64, n1: u64, k2: u64, n2: u64) -> Option<Self> {
        Some(Self {
            a: k1,
            b: n1.checked_sub(k1)?,
            c: k2,
            d: n2.checked_sub(k2)?,
        })
    }

    fn cells(&self) -> [f64; 4] {
        [self.a as f64, self.b as f64, self.c as f64, self.d as f64]
    }

    fn has_empty_group(&self) -> bool {
        (self.a == 0 && self.b == 0) || (self.c == 0 && self.d == 0)
    }
}

/// An odds ratio with its 95 % interval (A7).
///
/// A ratio of odds, not of chances: with common outcomes it is further from 1 than the
/// [`risk_ratio`], and must not be read as "times as likely".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OddsRatio {
    /// The odds of the first group over the odds of the second.
    pub value: f64,
    /// The 95 % interval, symmetric on the log scale.
    pub interval: Interval,
    /// Whether a zero cell made it necessary to add one half to all four cells
    /// (Haldane-Anscombe); the figure must then carry a note.
    pub haldane: bool,
}

/// An estimate and its interval from the standard error of its logarithm.
fn around(value: f64, standard_error: f64, haldane: bool) -> OddsRatio {
    let spread = (Z_95 * standard_error).exp();
    OddsRatio {
        value,
        interval: Interval {
            low: value / spread,
            high: value * spread,
        },
        haldane,
    }
}

/// The odds ratio ad/bc with Woolf's logit interval, 95 % (A7).
///
/// When a cell is zero, one half is added to all four and `haldane` is set. `None` when either
/// group is empty.
#[must_use]
pub fn odds_ratio(table: &Table) -> Option<OddsRatio> {
    if table.has_empty_group() {
        return None;
    }
    let cells = table.cells();
    let haldane = cells.contains(&0.0);
    let [a, b, c, d] = cells.map(|x| if haldane { x + 0.5 } else { x });
    let error = (a.recip() + b.recip() + c.recip() + d.recip()).sqrt();
    Some(around((a * d) / (b * c), error, haldane))
}

/// The risk ratio: the rate of the first group over the rate of the second (A7).
///
/// `None` when either group is empty or the second group has no successes.
#[must_use]
pub fn risk_ratio(table: &Table) -> Option<f64> {
    if table.has_empty_group() || table.c == 0 {
        return None;
    }
    let [a, b, c, d] = table.cells();
    Some((a / (a + b)) / (c / (c + d)))
}

/// The odds ratio pooled over strata by Mantel and Haenszel, with the interval of Robins,
/// Breslow and Greenland, 95 % (A7).
///
/// Strata (source by weekday by hour, say) keep unlike things from being compared; empty strata
/// add nothing. `None` when no stratum has both cells of either diagonal, so that the ratio or
/// its interval would be zero or infinite. No half is ever added, `haldane` is `false`.
#[must_use]
pub fn mantel_haenszel(strata: &[Table]) -> Option<OddsRatio> {
    let (mut r_sum, mut s_sum) = (0.0, 0.0);
    let (mut pr, mut mixed, mut qs) = (0.0, 0.0, 0.0);
    for table in strata {
        let [a, b, c, d] = table.cells();
        let total = a + b + c + d;
        if total == 0.0 {
            continue;
        }
        let (r, s) = (a * d / total, b * c / total);
        let (p, q) = ((a + d) / total, (b + c) / total);
        r_sum += r;
        s_sum += s;
        pr += p * r;
        mixed += p * s + q * r;
        qs += q * s;
    }
    if r_sum == 0.0 || s_sum == 0.0 {
        return None;
    }
    let variance =
        pr / (2.0 * r_sum * r_sum) + mixed / (2.0 * r_sum * s_sum) + qs / (2.0 * s_sum * s_sum);
    Some(around(r_sum / s_sum, variance.sqrt(), false))
}

/// Two tables this close in probability count as equally likely, as in R.
const TIE: f64 = 1.0 + 1e-7;

/// Fisher's exact test, two-sided: the probability, given the margins, of a table no more
/// likely than the one observed (A7, C8).
///
/// A probability in 0..=1. 1 when a row or a column is empty: such a table says nothing.
/// The time grows with the square root of the counts, so millions of leads are fine. Results
/// below about 1e-308 come back as 0.
#[must_use]
pub fn fisher_exact(table: &Table) -> f64 {
    let [a, b, c, d] = table.cells();
    let (row, other_row, column) = (a + b, c + d, a + c);
    let total = row + other_row;
    // The top left cell x can move between `least` and `most`; x + shift is the bottom right.
    let least = (column - other_row).max(0.0);
    let most = row.min(column);
    if least >= most {
        return 1.0;
    }
    let shift = total - row - column;
    let ln_p = |x: f64| ln_hypergeometric(x, row, other_row, column);
    let mode = ((row + 1.0) * (column + 1.0) / (total + 2.0))
        .floor()
        .clamp(least, most);
    let observed = ln_p(a);
    let threshold = observed + TIE.ln();
    if ln_p(mode) <= threshold {
        return 1.0;
    }
    let upwards = |from: f64| {
        falling_tail(|i| {
            let x = from + i;
            (row - x) * (column - x) / ((x + 1.0) * (x + shift + 1.0))
        })
    };
    let downwards = |from: f64| {
        falling_tail(|i| {
            let x = from - i;
            x * (x + shift) / ((row - x + 1.0) * (column - x + 1.0))
        })
    };
    let p = if a > mode {
        let far = nearest_rarer(least, mode, |x| ln_p(x) <= threshold);
        observed.exp() * upwards(a) + far.map_or(0.0, |x| ln_p(x).exp() * downwards(x))
    } else {
        // Mirrored, so that one search serves both sides.
        let far = nearest_rarer(-most, -mode, |x| ln_p(-x) <= threshold).map(|x| -x);
        observed.exp() * downwards(a) + far.map_or(0.0, |x| ln_p(x).exp() * upwards(x))
    };
    p.min(1.0)
}

/// The largest whole `x` in `least..mode` that is rare; rarity holds from `least` up to there
/// and then no more, and does not hold at `mode`.
fn nearest_rarer(least: f64, mode: f64, rare: impl Fn(f64) -> bool) -> Option<f64> {
    if least >= mode || !rare(least) {
        return None;
    }
    let (mut low, mut high) = (least, mode);
    while high - low > 1.0 {
        let middle = ((low + high) / 2.0).floor();
        if rare(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

/// The q-values of Benjamini and Hochberg, in the order of `p` (C8, S12).
///
/// Calling every segment with a q-value of at most 0.05 "different" keeps the expected share of
/// false calls at 5 %, if the tests are independent or positively dependent. A `NaN` counts
/// as 1. Each q-value is at least its p-value and at most 1.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    step_up(p, 1.0)
}

/// The q-values of Benjamini and Yekutieli, valid under any dependence between the tests (C8).
///
/// "Segment against the rest" tests share their leads and so are dependent; this is the
/// cautious companion of [`benjamini_hochberg`], larger by the factor 1 + 1/2 + ... + 1/m.
#[must_use]
pub fn benjamini_yekutieli(p: &[f64]) -> Vec<f64> {
    step_up(p, (1..=p.len()).map(|i| (i as f64).recip()).sum())
}

fn step_up(p: &[f64], penalty: f64) -> Vec<f64> {
    let p: Vec<f64> = p
        .iter()
        .map(|&x| if x.is_nan() { 1.0 } else { x.clamp(0.0, 1.0) })
        .collect();
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&i, &j| p[i].total_cmp(&p[j]));
    let mut q = vec![1.0; p.len()];
    let mut least = 1.0f64;
    for (rank, &i) in order.iter().enumerate().rev() {
        least = least.min(p[i] * penalty * p.len() as f64 / (rank + 1) as f64);
        q[i] = least;
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(x: f64, expected: f64, tolerance: f64) {
        assert!((x - expected).abs() <= tolerance, "{x} is not {expected}");
    }

    fn table(k1: u64, n1: u64, k2: u64, n2: u64) -> Table {
        Table::from_rates(k1, n1, k2, n2).expect("two groups")
    }

    #[test]
    fn waiting_golden() {
        // A7: contacted 50/100 against 9/100, qualified 24/100 against 5/100.
        let contacted = table(50, 100, 9, 100);
        let ratio = odds_ratio(&contacted).expect("both groups");
        near(ratio.value, 10.1111, 1e-4);
        near(ratio.interval.low, 4.5929, 1e-4);
        near(ratio.interval.high, 22.2591, 1e-4);
        assert!(!ratio.haldane);
        near(
            risk_ratio(&contacted).expect("both groups"),
            50.0 / 9.0,
            1e-12,
        );
        let qualified = table(24, 100, 5, 100);
        let ratio = odds_ratio(&qualified).expect("both groups");
        near(ratio.value, 6.0, 1e-12);
        near(ratio.interval.low, 2.1861, 1e-4);
        near(ratio.interval.high, 16.4674, 1e-4);
        near(risk_ratio(&qualified).expect("both groups"), 4.8, 1e-12);
        let strata = [
            Table {
                a: 40,
                b: 20,
                c: 6,
                d: 24,
            },
            Table {
                a: 10,
                b: 30,
                c: 3,
                d: 67,
            },
        ];
        let pooled = mantel_haenszel(&strata).expect("both diagonals");
        near(pooled.value, 7.7887, 1e-4);
        near(pooled.interval.low, 3.40, 5e-3);
        near(pooled.interval.high, 17.82, 5e-3);
    }

    #[test]
    fn zero_cells_are_flagged_and_empty_groups_have_no_ratio() {
        let ratio = odds_ratio(&table(5, 10, 0, 10)).expect("both groups");
        assert!(ratio.haldane);
        near(ratio.value, (5.5 * 10.5) / (5.5 * 0.5), 1e-12);
        assert_eq!(odds_ratio(&table(0, 0, 3, 10)), None);
        assert_eq!(risk_ratio(&table(5, 10, 0, 10)), None);
        assert_eq!(risk_ratio(&table(0, 10, 5, 10)), Some(0.0));
        assert_eq!(mantel_haenszel(&[]), None);
        assert_eq!(mantel_haenszel(&[table(5, 10, 0, 10)]), None);
        assert_eq!(Table::from_rates(3, 2, 1, 2), None);
    }

    #[test]
    fn one_stratum_pools_to_itself() {
        let one = table(50, 100, 9, 100);
        let (pooled, plain) = (
            mantel_haenszel(&[one]).expect("ratio"),
            odds_ratio(&one).expect("ratio"),
        );
        near(pooled.value, plain.value, 1e-12);
        near(pooled.interval.low, plain.interval.low, 1e-9);
        near(pooled.interval.high, plain.interval.high, 1e-9);
    }

    #[test]
    fn fisher_knows_the_textbook_cases() {
        // Fisher's tea: 3 of 4 right, p = 34/70. Agresti; R's fisher.test.
        near(
            fisher_exact(&Table {
                a: 3,
                b: 1,
                c: 1,
                d: 3,
            }),
            34.0 / 70.0,
            1e-14,
        );
        // scipy.stats.fisher_exact([[8, 2], [1, 5]]) and its mirror images.
        for t in [
            Table {
                a: 8,
                b: 2,
                c: 1,
                d: 5,
            },
            Table {
                a: 1,
                b: 5,
                c: 8,
                d: 2,
            },
            Table {
                a: 2,
                b: 8,
                c: 5,
                d: 1,
            },
            Table {
                a: 8,
                b: 1,
                c: 2,
                d: 5,
            },
        ] {
            near(fisher_exact(&t), 400.0 / 11_440.0, 1e-14);
        }
        assert_eq!(
            fisher_exact(&Table {
                a: 0,
                b: 0,
                c: 3,
                d: 4
            }),
            1.0
        );
        assert_eq!(
            fisher_exact(&Table {
                a: 0,
                b: 5,
                c: 0,
                d: 4
            }),
            1.0
        );
        assert_eq!(
            fisher_exact(&Table {
                a: 5,
                b: 5,
                c: 5,
                d: 5
            }),
            1.0
        );
    }

    #[test]
    fn fisher_is_right_and_quick_for_millions() {
        // Exact values by summing rational probability ratios in 40-digit arithmetic.
        for (t, expected) in [
            (
                table(50_500, 1_000_000, 50_000, 1_000_000),
                0.106_277_792_996_379_77,
            ),
            (
                table(51_000, 1_000_000, 250_000, 5_000_000),
                3.009_133_786_441_37e-5,
            ),
            (
                table(1_000, 1_000_000, 1_200, 2_000_000),
                4.760_055_348_760_57e-32,
            ),
        ] {
            near(fisher_exact(&t) / expected, 1.0, 1e-9);
        }
        // Far beyond the smallest double: zero, not NaN.
        assert_eq!(
            fisher_exact(&table(900_000, 1_000_000, 100_000, 1_000_000)),
            0.0
        );
    }

    #[test]
    fn hidden_gem_golden() {
        // C8: each source of the seed table against the rest; q-values by exact fractions.
        let sources = [
            (83, 2_812),
            (389, 2_201),
            (46, 700),
            (335, 508),
            (99, 458),
            (1, 185),
            (25, 154),
            (33, 157),
            (22, 137),
        ];
        let p: Vec<f64> = sources
            .iter()
            .map(|&(k, n)| fisher_exact(&table(k, n, 1_033 - k, 7_312 - n)))
            .collect();
        near(p[3] / 1.426_665_616_200_613e-176, 1.0, 1e-9);
        let expected = [
            9.784_006_910_018e-125,
            3.616_524_320_718e-8,
            1.747_693_656_684e-10,
            1.283_999_054_581e-175,
            1.203_307_481_779e-5,
            7.132_037_804_207e-11,
            4.670_227_672_143e-1,
            2.534_590_458_542e-2,
            5.350_184_195_454e-1,
        ];
        for (q, expected) in benjamini_hochberg(&p).into_iter().zip(expected) {
            near(q / expected, 1.0, 1e-9);
        }
    }

    #[test]
    fn hochberg_golden() {
        let p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205];
        let expected = [
            0.008,
            0.032,
            0.0672,
            0.0672,
            0.0672,
            0.08,
            0.592 / 7.0,
            0.205,
        ];
        for (q, expected) in benjamini_hochberg(&p).into_iter().zip(expected) {
            near(q, expected, 1e-12);
        }
        // The order of the input is kept.
        assert_eq!(benjamini_hochberg(&[0.5, 0.01]), [0.5, 0.02]);
        assert_eq!(benjamini_hochberg(&[f64::NAN, 0.01]), [1.0, 0.02]);
        assert!(benjamini_hochberg(&[]).is_empty());
        near(benjamini_yekutieli(&p)[0], 0.008 * 761.0 / 280.0, 1e-12);
    }

    /// Sums over all tables with the same margins, in exact binomial coefficients.
    fn fisher_by_enumeration(t: &Table) -> f64 {
        let choose =
            |n: u64, k: u64| (0..k).fold(1u128, |c, i| c * u128::from(n - i) / u128::from(i + 1));
        let (row, other, column) = (t.a + t.b, t.c + t.d, t.a + t.c);
        let weight = |x: u64| choose(row, x) * choose(other, column - x);
        let all = column.saturating_sub(other)..=row.min(column);
        let rarer: u128 = all.clone().map(weight).filter(|&w| w <= weight(t.a)).sum();
        rarer as f64 / all.map(weight).sum::<u128>() as f64
    }

    proptest! {
        #[test]
        fn fisher_agrees_with_enumeration(a in 0u64..30, b in 0u64..30, c in 0u64..30, d in 0u64..30) {
            let t = Table { a, b, c, d };
            let expected = fisher_by_enumeration(&t);
            prop_assert!((fisher_exact(&t) / expected - 1.0).abs() < 1e-9, "{t:?}");
        }

        #[test]
        fn fisher_is_symmetric(a in 0u64..3_000, b in 0u64..3_000, c in 0u64..3_000, d in 0u64..3_000) {
            let p = fisher_exact(&Table { a, b, c, d });
            prop_assert!((0.0..=1.0).contains(&p));
            for t in [Table { a: c, b: d, c: a, d: b }, Table { a: b, b: a, c: d, d: c }, Table { a, b: c, c: b, d }] {
                let mirrored = fisher_exact(&t);
                prop_assert!((mirrored - p).abs() <= 1e-9 * p, "{p} and {mirrored}");
            }
        }

        #[test]
        fn q_values_keep_the_order_of_p(p in prop::collection::vec(0.0..=1.0f64, 1..40)) {
            let q = benjamini_hochberg(&p);
            for i in 0..p.len() {
                prop_assert!(q[i] >= p[i] - 1e-15 && q[i] <= 1.0);
                for j in 0..p.len() {
                    prop_assert!(p[i] > p[j] || q[i] <= q[j]);
                }
            }
        }
    }
}
