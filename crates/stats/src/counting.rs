//! Logarithms of binomial and hypergeometric probabilities, accurate for counts in the
//! millions: Loader's saddle-point form, which never subtracts large log-gammas.

/// Half the logarithm of 2 pi.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_7;

/// The error of Stirling's formula: ln n! - (n + 1/2) ln n + n - ln sqrt(2 pi), whole n >= 1.
fn stirling_error(n: f64) -> f64 {
    if n <= 15.0 {
        let factorial = (2..=n as u64).fold(1.0, |product, i| product * i as f64);
        return f64::ln(factorial) - (n + 0.5) * n.ln() + n - HALF_LN_TAU;
    }
    let s = n * n;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / s) / s) / s) / s)
        / n
}

/// x ln(x / mean) + mean - x, without cancellation when `x` is near `mean`.
fn deviance(x: f64, mean: f64) -> f64 {
    let gap = x - mean;
    if gap.abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() - gap;
    }
    let v = gap / (x + mean);
    let mut sum = gap * v;
    let mut term = 2.0 * x * v;
    let mut odd = 1.0;
    loop {
        term *= v * v;
        odd += 2.0;
        let next = sum + term / odd;
        if next == sum {
            return sum;
        }
        sum = next;
    }
}

/// ln P(X = x) for X binomial with `n` trials; `p` and `q = 1 - p` are given apart so that
/// neither loses digits. Whole `0 <= x <= n`; negative infinity where it cannot happen.
pub(crate) fn ln_binomial(x: f64, n: f64, p: f64, q: f64) -> f64 {
    if p <= 0.0 {
        return if x == 0.0 { 0.0 } else { f64::NEG_INFINITY };
    }
    if q <= 0.0 {
        return if x == n { 0.0 } else { f64::NEG_INFINITY };
    }
    if x == 0.0 {
        return if n == 0.0 {
            0.0
        } else {
            n * ln_complement(q, p)
        };
    }
    if x == n {
        return n * ln_complement(p, q);
    }
    let y = n - x;
    stirling_error(n)
        - stirling_error(x)
        - stirling_error(y)
        - deviance(x, n * p)
        - deviance(y, n * q)
        - HALF_LN_TAU
        - 0.5 * (x.ln() + (y / n).ln())
}

/// ln `p`, from whichever of `p` and `1 - p` carries the digits.
fn ln_complement(p: f64, complement: f64) -> f64 {
    if complement < 0.1 {
        (-complement).ln_1p()
    } else {
        p.ln()
    }
}

/// ln P(X = x) for the top left cell of a 2x2 table with fixed margins: `drawn` taken from
/// `white + black`, of which `x` are white. All whole, `x` within its range.
pub(crate) fn ln_hypergeometric(x: f64, white: f64, black: f64, drawn: f64) -> f64 {
    let total = white + black;
    if drawn == 0.0 || drawn == total {
        return 0.0;
    }
    let (p, q) = (drawn / total, (total - drawn) / total);
    ln_binomial(x, white, p, q) + ln_binomial(drawn - x, black, p, q)
        - ln_binomial(drawn, total, p, q)
}

/// 1 + r1 + r1 r2 + ..., for ratios that fall: the sum of a tail relative to its first term.
/// `ratio(i)` is the factor from term `i` to term `i + 1`; zero ends the tail.
pub(crate) fn falling_tail(mut ratio: impl FnMut(f64) -> f64) -> f64 {
    let (mut sum, mut term, mut i) = (1.0, 1.0, 0.0);
    loop {
        term *= ratio(i);
        sum += term;
        i += 1.0;
        if term.is_nan() || term <= sum * 1e-20 {
            return sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cases_are_exact() {
        // C(5,2) .3^2 .7^3 and C(4,1) C(6,2) / C(10,3).
        assert!((ln_binomial(2.0, 5.0, 0.3, 0.7).exp() - 0.3087).abs() < 1e-14);
        assert!((ln_hypergeometric(1.0, 4.0, 6.0, 3.0).exp() - 0.5).abs() < 1e-14);
        assert_eq!(ln_binomial(0.0, 0.0, 0.3, 0.7), 0.0);
        assert_eq!(ln_binomial(1.0, 3.0, 0.0, 1.0), f64::NEG_INFINITY);
        assert_eq!(ln_binomial(3.0, 3.0, 1.0, 0.0), 0.0);
        assert!((ln_binomial(0.0, 10.0, 0.5, 0.5).exp() - 0.5f64.powi(10)).abs() < 1e-18);
        assert!((ln_binomial(10.0, 10.0, 0.95, 0.05).exp() - 0.95f64.powi(10)).abs() < 1e-14);
    }

    #[test]
    fn probabilities_of_a_large_draw_add_up_to_one() {
        let (n, p) = (2_000_000.0, 0.05);
        let sum: f64 = (95_000..105_000)
            .map(|x| ln_binomial(f64::from(x), n, p, 1.0 - p).exp())
            .sum();
        assert!((sum - 1.0).abs() < 1e-11, "{sum}");
    }

    #[test]
    fn tails_end() {
        assert!((falling_tail(|_| 0.5) - 2.0).abs() < 1e-12);
        assert_eq!(falling_tail(|_| 0.0), 1.0);
        assert!(falling_tail(|_| f64::NAN).is_nan());
    }
}
