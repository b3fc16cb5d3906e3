//! The same credit to every touch; repeats count (B2).

use super::Path;

pub(super) fn weights(path: &Path<'_>, out: &mut Vec<u64>) {
    out.extend(path.touches.iter().map(|_| 1));
}
