//! From values to pixels.

/// A linear scale that always holds zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale over values, drawn from one x to another.
    pub(super) fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (0.0f64, 0.0f64);
        for x in values.filter(|x| x.is_finite()) {
            low = low.min(x);
            high = high.max(x);
        }
        if low == high {
            high = 1.0;
        }
        Self { low, high, from, to }
    }

    /// The x of a value.
    pub(super) fn x(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Left end and width of a bar from zero to a value; something is never nothing.
    pub(super) fn bar(&self, value: f64) -> (f64, f64) {
        let (zero, end) = (self.x(0.0), self.x(value));
        let width = (end - zero).abs();
        let width = if value == 0.0 { 0.0 } else { width.max(1.0) };
        (if value < 0.0 { zero - width } else { zero }, width)
    }

    /// Round values at which a faint line helps, about `most` of them.
    pub(super) fn ticks(&self, most: usize) -> Vec<f64> {
        let rough = (self.high - self.low) / most.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999).unwrap_or(rough);
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step * 1.000_001).floor() as i64);
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_start_at_zero_and_point_both_ways() {
        let scale = Scale::over([-1.0, 3.0].into_iter(), 0.0, 400.0);
        assert_eq!(scale.bar(3.0), (100.0, 300.0));
        assert_eq!(scale.bar(-1.0), (0.0, 100.0));
        assert_eq!(scale.bar(0.0), (100.0, 0.0));
        assert_eq!(Scale::over([5.0].into_iter(), 10.0, 60.0).bar(5.0), (10.0, 50.0));
    }

    #[test]
    fn nothing_to_show_is_no_error() {
        let scale = Scale::over([f64::NAN].into_iter(), 0.0, 100.0);
        assert_eq!(scale.x(0.0), 0.0);
        assert!(!scale.ticks(4).is_empty());
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::over([0.96].into_iter(), 0.0, 1.0).ticks(4), [0.0, 0.25, 0.5, 0.75]);
        assert_eq!(Scale::over([340.0].into_iter(), 0.0, 1.0).ticks(4), [0.0, 100.0, 200.0, 300.0]);
    }
}
