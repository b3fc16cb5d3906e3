//! All credit to the last eligible touch (B2).

use super::Path;

pub(super) fn weights(path: &Path<'_>, out: &mut Vec<u64>) {
    let n = path.touches.len();
    out.extend((0..n).map(|i| u64::from(i + 1 == n)));
}
