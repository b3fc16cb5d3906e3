//! All credit to the first eligible touch (B2).

use super::Path;

pub(super) fn weights(path: &Path<'_>, out: &mut Vec<u64>) {
    out.extend((0..path.touches.len()).map(|i| u64::from(i == 0)));
}
