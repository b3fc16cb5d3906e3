//! Chance for the demo: ChaCha, whole numbers only, and quotas instead of luck where the story depends on it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::clock::{Day, HOUR, MINUTE, Sec, hours, instant, open_day};

/// Quantiles of the exponential distribution of mean 1000, by sixteenths; the tail is cut.
const WAIT: [i64; 17] = [
    0, 65, 134, 208, 288, 375, 470, 575, 693, 827, 981, 1_163, 1_386, 1_674, 2_079, 2_773, 4_605,
];

/// Quantiles of a log-normal of median 1000 and sigma 0.6, by sixteenths; both tails are cut.
const SPREAD: [i64; 17] = [
    267, 398, 502, 587, 667, 746, 826, 910, 1_000, 1_099, 1_211, 1_341, 1_498, 1_703, 1_994, 2_511,
    3_975,
];

/// A seeded source of chance.
#[derive(Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// Dice of a seed. Each part of the demo rolls a stream of its own, so that parts change independently.
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// A number in `0..n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.0.next_u64()) * (n as u128);
        (wide >> 64) as usize
    }

    /// A number from `low` to `high`, both possible.
    pub(super) fn range(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(usize::try_from(high - low + 1).unwrap_or(1)) as i64
    }

    /// Yes in so many of a hundred cases.
    pub(super) fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// One of some things.
    pub(super) fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        &things[self.below(things.len())]
    }

    /// Index into weights.
    pub(super) fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut left = self.below(weights.iter().sum());
        for (i, w) in weights.iter().enumerate() {
            if left < *w {
                return i;
            }
            left -= w;
        }
        0
    }

    /// An amount times a value from one sixteenth of a distribution.
    fn times(&mut self, amount: i64, table: &[i64; 17], sixteenth: usize) -> i64 {
        let (low, high) = (table[sixteenth], table[sixteenth + 1]);
        amount * (low * 1_000_000 + (high - low) * self.range(0, 999_999)) / 1_000_000_000
    }

    /// A waiting time of that mean: mostly short, sometimes several times as long.
    pub(super) fn wait(&mut self, mean: i64) -> i64 {
        let sixteenth = self.below(16);
        self.times(mean, &WAIT, sixteenth)
    }

    /// Something times a skewed factor around one; `deck` spreads the factors evenly.
    pub(super) fn spread(&mut self, median: i64, deck: &mut Deck) -> i64 {
        let sixteenth = deck.draw(self);
        self.times(median, &SPREAD, sixteenth)
    }

    /// A moment of a salesperson's day: on that day or the next open one, now and then after hours.
    pub(super) fn at_work(&mut self, d: Day) -> Sec {
        let d = open_day(d);
        let (open, close) = hours(d).unwrap_or((9 * HOUR, 17 * HOUR));
        let second = if self.below(25) == 0 {
            self.range(17 * HOUR, 20 * HOUR)
        } else {
            self.range(open + 5 * MINUTE, close - 5 * MINUTE)
        };
        instant(d, second)
    }

    /// A moment of a buyer's day: working hours, evenings, seldom the night.
    pub(super) fn any_time(&mut self, d: Day) -> Sec {
        let second = match self.below(20) {
            0..=12 => self.range(8 * HOUR, 18 * HOUR),
            13..=17 => self.range(18 * HOUR, 23 * HOUR),
            _ => self.range(0, 24 * HOUR - 1),
        };
        instant(d, second)
    }
}

/// Cards that are drawn without putting them back, and shuffled again when they run out: shares come out exactly.
#[derive(Debug)]
pub(super) struct Deck {
    weights: Vec<usize>,
    cards: Vec<usize>,
}

impl Deck {
    /// A deck with so many cards of each kind.
    pub(super) fn new(weights: &[usize]) -> Self {
        Self {
            weights: weights.to_vec(),
            cards: Vec::new(),
        }
    }

    /// One card of each of so many kinds.
    pub(super) fn even(kinds: usize) -> Self {
        Self::new(&vec![1; kinds])
    }

    /// The kind of the next card.
    pub(super) fn draw(&mut self, dice: &mut Dice) -> usize {
        if self.cards.is_empty() {
            for (kind, n) in self.weights.iter().enumerate() {
                self.cards.extend(std::iter::repeat_n(kind, *n));
            }
            for i in (1..self.cards.len()).rev() {
                let j = dice.below(i + 1);
                self.cards.swap(i, j);
            }
        }
        self.cards.pop().unwrap_or(0)
    }
}
