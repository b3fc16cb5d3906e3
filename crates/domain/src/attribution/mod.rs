//! Attribution: how the amount of an opportunity is shared among the touches of its path (B).
//!
//! A model gives each touch a whole-number weight; the amount is then apportioned by largest
//! remainder, so that credits always add up to the amount (B11). To add a model: one file with a
//! `weights` function, and one line in [`MODELS`].

use crate::zone::Micros;

mod first_touch;
mod last_non_direct;
mod last_touch;
mod linear;
mod position;
mod time_decay;

/// A touch as a model sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathTouch {
    /// When.
    pub at: Micros,
    /// Its channel is direct.
    pub direct: bool,
}

/// The eligible touches of one opportunity in the total order of S3, never empty (B1).
#[derive(Debug, Clone, Copy)]
pub struct Path<'a> {
    /// Touches.
    pub touches: &'a [PathTouch],
    /// The conversion: the win.
    pub converted_at: Micros,
    /// Half-life of time decay in days, above zero.
    pub half_life_days: f64,
}

/// Appends one weight a touch.
pub type Weights = fn(&Path<'_>, &mut Vec<u64>);

/// The models in the order of reports.
pub const MODELS: [(&str, Weights); 6] = [
    ("first_touch", first_touch::weights),
    ("last_touch", last_touch::weights),
    ("last_non_direct", last_non_direct::weights),
    ("linear", linear::weights),
    ("time_decay", time_decay::weights),
    ("position_40_20_40", position::weights),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use treaty_stats::largest_remainder;

    fn credits(model: &str, amount: i64, at_days: &[f64], converted: f64, half_life_days: f64) -> Vec<i64> {
        let touches: Vec<PathTouch> =
            at_days.iter().map(|d| PathTouch { at: Micros((d * 86_400e6) as i64), direct: false }).collect();
        let path = Path { touches: &touches, converted_at: Micros((converted * 86_400e6) as i64), half_life_days };
        let mut w = Vec::new();
        let (_, f) = MODELS.iter().find(|(n, _)| *n == model).expect("model");
        f(&path, &mut w);
        largest_remainder(amount, &w)
    }

    #[test]
    fn names_are_those_of_the_agreement() {
        assert_eq!(MODELS.map(|(n, _)| n), crate::agreement::MODELS);
    }

    #[test]
    fn time_decay_halves_with_every_half_life() {
        // B3: ages 21, 14, 7, 0 with a half-life of 7 days
        let got = credits("time_decay", 1_000_000, &[0.0, 7.0, 14.0, 21.0], 21.0, 7.0);
        assert_eq!(got, [66_667, 133_333, 266_667, 533_333]);
        // adding a constant to all ages changes nothing
        assert_eq!(got, credits("time_decay", 1_000_000, &[0.0, 7.0, 14.0, 21.0], 22.0, 7.0));
    }

    #[test]
    fn position_gives_the_ends_forty_each() {
        // B4: 12,345.67 over four touches
        let got = credits("position_40_20_40", 1_234_567, &[0.0, 1.0, 2.0, 3.0], 4.0, 7.0);
        assert_eq!(got, [493_827, 123_457, 123_456, 493_827]);
        assert_eq!(credits("position_40_20_40", 100, &[0.0], 1.0, 7.0), [100]);
        assert_eq!(credits("position_40_20_40", 100, &[0.0, 1.0], 1.0, 7.0), [50, 50]);
    }

    #[test]
    fn journeys_of_the_reference() {
        // B2: channels by journey, conversions and value in minor units
        let journeys: [(&[&str], i64, i64); 5] = [
            (&["Search", "Email", "Webinar"], 3, 3_000_000),
            (&["Email"], 1, 800_000),
            (&["Search", "Webinar"], 2, 2_600_000),
            (&["Social", "Search", "Search"], 1, 900_000),
            (&["Webinar", "Email", "Webinar"], 1, 1_200_000),
        ];
        let total = |model: &str, channel: &str| -> i64 {
            journeys
                .iter()
                .map(|(path, _, value)| {
                    let days: Vec<f64> = (0..path.len()).map(|i| i as f64).collect();
                    let c = credits(model, *value, &days, 9.0, 7.0);
                    path.iter().zip(c).filter(|(p, _)| **p == channel).map(|(_, c)| c).sum::<i64>()
                })
                .sum()
        };
        for (model, channel, expected) in [
            ("first_touch", "Search", 5_600_000),
            ("first_touch", "Email", 800_000),
            ("first_touch", "Webinar", 1_200_000),
            ("first_touch", "Social", 900_000),
            ("last_touch", "Webinar", 6_800_000),
            ("last_touch", "Search", 900_000),
            ("last_touch", "Email", 800_000),
            ("linear", "Search", 2_900_000),
            ("linear", "Email", 2_200_000),
            ("linear", "Webinar", 3_100_000),
            ("linear", "Social", 300_000),
        ] {
            assert_eq!(total(model, channel), expected, "{model} {channel}");
        }
    }

    #[test]
    fn last_non_direct_falls_back_to_the_last() {
        let t = |direct| PathTouch { at: Micros(0), direct };
        for (flags, expected) in [(vec![false, true, true], 0), (vec![true, true], 1), (vec![false, false], 1)] {
            let touches: Vec<PathTouch> = flags.into_iter().map(t).collect();
            let mut w = Vec::new();
            last_non_direct::weights(&Path { touches: &touches, converted_at: Micros(0), half_life_days: 7.0 }, &mut w);
            assert_eq!(w.iter().position(|w| *w > 0), Some(expected));
        }
    }

    proptest! {
        #[test]
        fn every_model_conserves_the_amount(
            amount in -1_000_000_000i64..1_000_000_000,
            mut days in prop::collection::vec(0.0f64..4000.0, 1..40),
        ) {
            days.sort_by(f64::total_cmp);
            for (name, _) in MODELS {
                let c = credits(name, amount, &days, 4000.0, 7.0);
                prop_assert_eq!(c.iter().sum::<i64>(), amount);
                prop_assert_eq!(c.len(), days.len());
            }
        }
    }
}
