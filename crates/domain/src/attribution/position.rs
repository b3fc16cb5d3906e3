//! First and last touch 40 % each, the middle shares 20 % (B4, `position_40_20_40`).
//!
//! In whole numbers: with `m` touches in the middle, each end weighs `2 m` and each middle touch 1.
//! Absent groups are dropped and the rest is rescaled: one touch gets all, two get half each.

use super::Path;

pub(super) fn weights(path: &Path<'_>, out: &mut Vec<u64>) {
    let n = path.touches.len();
    let middle = n.saturating_sub(2) as u64;
    let end = if middle == 0 { 1 } else { 2 * middle };
    out.extend((0..n).map(|i| if i == 0 || i + 1 == n { end } else { 1 }));
}
