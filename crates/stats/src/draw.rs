//! Seeded random draws (S13).

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of draws; equal seeds give equal streams.
pub(crate) struct Draws {
    rng: ChaCha8Rng,
    spare_normal: Option<f64>,
}

impl Draws {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            spare_normal: None,
        }
    }

    /// Uniform in the open interval (0, 1).
    fn uniform(&mut self) -> f64 {
        ((self.rng.next_u64() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    /// Standard normal, by Marsaglia's polar method.
    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare_normal = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// Gamma with unit scale and `shape >= 1`, by Marsaglia and Tsang.
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = (9.0 * d).sqrt().recip();
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            let u = self.uniform();
            if u < 1.0 - 0.0331 * (x * x) * (x * x) || u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln())
            {
                return d * v;
            }
        }
    }

    /// Beta with both parameters at least 1.
    pub(crate) fn beta(&mut self, a: f64, b: f64) -> f64 {
        let x = self.gamma(a);
        x / (x + self.gamma(b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beta_draws_have_the_right_moments() {
        for (a, b) in [(1.0, 1.0), (319.0, 180.0), (2.0, 40.0)] {
            let mut draws = Draws::new(7);
            let n = 200_000;
            let (mut sum, mut squares) = (0.0, 0.0);
            for _ in 0..n {
                let x = draws.beta(a, b);
                assert!((0.0..=1.0).contains(&x));
                sum += x;
                squares += x * x;
            }
            let mean = sum / f64::from(n);
            let variance = squares / f64::from(n) - mean * mean;
            let expected = a / (a + b);
            let expected_variance = a * b / ((a + b) * (a + b) * (a + b + 1.0));
            let error = (expected_variance / f64::from(n)).sqrt();
            assert!(
                (mean - expected).abs() < 5.0 * error,
                "mean {mean} of Beta({a},{b})"
            );
            assert!(
                (variance / expected_variance - 1.0).abs() < 0.03,
                "variance of Beta({a},{b})"
            );
        }
    }

    #[test]
    fn seeds_decide() {
        let first = |seed| Draws::new(seed).beta(3.0, 4.0);
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
    }
}
