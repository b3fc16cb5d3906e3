//! All credit to the last touch whose channel is not direct; if all are direct, to the last (B2).

use super::Path;

pub(super) fn weights(path: &Path<'_>, out: &mut Vec<u64>) {
    let n = path.touches.len();
    let chosen = path.touches.iter().rposition(|t| !t.direct).unwrap_or(n.saturating_sub(1));
    out.extend((0..n).map(|i| u64::from(i == chosen)));
}
