//! Data-health index (A27): a weighted mean of what can be told, and its weakest part.

/// Index of several shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Index {
    /// Weighted mean of the shares that are there.
    pub mean: f64,
    /// The smallest share: a mean hides a dead dimension.
    pub minimum: f64,
    /// Position of the smallest share.
    pub weakest: usize,
}

/// The index of shares with their weights. A share that cannot be told takes its weight with it. `None` when there is nothing
/// to tell, or nothing that weighs.
///
/// ```
/// let of = |x| Some(x);
/// let index = treaty_stats::health_index(&[(of(0.82), 0.3), (of(0.95), 0.3), (of(0.90), 0.2), (of(0.70), 0.2)]).unwrap();
/// assert!((index.mean - 0.851).abs() < 1e-12);
/// assert_eq!((index.minimum, index.weakest), (0.70, 3));
/// ```
pub fn health_index(shares: &[(Option<f64>, f64)]) -> Option<Index> {
    let told = || shares.iter().enumerate().filter_map(|(i, (x, w))| x.filter(|x| x.is_finite() && *w > 0.0).map(|x| (i, x, *w)));
    let weight: f64 = told().map(|(_, _, w)| w).sum();
    let (weakest, minimum, _) = told().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let mean = told().map(|(_, x, w)| x * w).sum::<f64>() / weight;
    Some(Index { mean, minimum, weakest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_index_is_851_thousandths() {
        let all = [(Some(0.82), 0.3), (Some(0.95), 0.3), (Some(0.90), 0.2), (Some(0.70), 0.2), (None, 0.2), (None, 0.2)];
        let index = health_index(&all).expect("an index");
        assert!((index.mean - 0.851).abs() < 1e-12, "{index:?}");
        assert_eq!((index.minimum, index.weakest), (0.70, 3));
    }

    #[test]
    fn nothing_to_tell_is_undefined_and_a_dead_dimension_is_seen() {
        assert_eq!(health_index(&[]), None);
        assert_eq!(health_index(&[(None, 1.0), (Some(0.5), 0.0)]), None);
        let index = health_index(&[(Some(1.0), 1.0), (Some(1.0), 1.0), (Some(0.0), 1.0)]).expect("an index");
        assert_eq!((index.minimum, index.weakest), (0.0, 2));
    }
}
