//! Credit halves with every half-life of age at conversion (B3).
//!
//! Only differences of age matter, so ages are counted from the newest touch. That keeps the
//! largest weight at one however old the path is.

use super::Path;

const ONE: f64 = 9_007_199_254_740_992.0; // 2^53
const MICROS_A_DAY: f64 = 86_400_000_000.0;

pub(super) fn weights(path: &Path<'_>, out: &mut Vec<u64>) {
    let newest = path.touches.last().map_or(path.converted_at, |t| t.at);
    let half_life = path.half_life_days * MICROS_A_DAY;
    out.extend(path.touches.iter().map(|t| {
        let age = (newest.0 - t.at.0) as f64;
        // Divided, not multiplied by an inverse: whole half-lives then give exact powers of two.
        (ONE * (-age / half_life).exp2()).round() as u64
    }));
}
