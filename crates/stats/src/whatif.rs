//! Stage chains, what-if scenarios and the weakest stage (A11, A12).

use crate::draw::Draws;
use crate::proportion::round_half_away;

/// A change to one conversion rate (S7, A11). Points and relative change are different things:
/// on a rate of 64 %, `Points(0.06)` gives 70 % and `Relative(0.06)` gives 67.84 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lift {
    /// Added to the rate, as a share: 0.06 is six percentage points.
    Points(f64),
    /// The rate is multiplied by one plus this: 0.06 is six per cent of the rate.
    Relative(f64),
}

impl Lift {
    /// The new rate and whether it had to be held within 0..=1; `None` when the lift is not a
    /// finite number.
    fn apply(self, rate: f64) -> Option<(f64, bool)> {
        let lifted = match self {
            Self::Points(delta) => rate + delta,
            Self::Relative(delta) => rate * (1.0 + delta),
        };
        let held = lifted.clamp(0.0, 1.0);
        // 0.94 + 0.06 may miss 1 by a rounding error; that is not a cap.
        lifted
            .is_finite()
            .then_some((held, (lifted - held).abs() > 1e-12))
    }
}

/// The conversion rate of one stage.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rate {
    /// An exact ratio of counts; undefined when nobody entered.
    Counts { passed: u64, entered: u64 },
    /// A rate as published or typed in.
    Published(f64),
}

impl Rate {
    fn value(self) -> Option<f64> {
        self.carry(1.0)
    }

    /// How many of `n` pass: multiplied before divided, so that exact counts stay exact.
    fn carry(self, n: f64) -> Option<f64> {
        match self {
            Self::Counts { entered: 0, .. } => None,
            Self::Counts { passed, entered } => Some(n * passed as f64 / entered as f64),
            Self::Published(rate) => Some(n * rate),
        }
    }
}

/// A chain of stages: how many entered, and the share that passes from each stage to the next
/// (A11).
///
/// Stages are numbered by the step: step 0 leads from the entrants to the second stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain {
    entrants: u64,
    rates: Vec<Rate>,
}

/// What a chain becomes when one rate changes and the others stay (A11).
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// How many reach each stage, entrants first, unrounded; `None` where undefined. For display
    /// see [`shown`].
    pub counts: Vec<Option<f64>>,
    /// The changed rate, as used.
    pub rate: f64,
    /// Whether the rate would have left 0..=1 and was held at the end; the figure must then carry
    /// a note.
    pub capped: bool,
    /// How many more reach the last stage than without the change, unrounded.
    pub gain: Option<f64>,
}

impl Chain {
    /// A chain from counts per stage, entrants first: rates are exact ratios. The production mode
    /// (A11).
    ///
    /// `None` without at least two stages, and when a stage holds more than the one before it
    /// (impossible for stages counted by high-water mark, S10).
    #[must_use]
    pub fn from_counts(counts: &[u64]) -> Option<Self> {
        let sinking = counts.windows(2).all(|pair| pair[1] <= pair[0]);
        if counts.len() < 2 || !sinking {
            return None;
        }
        let rates = counts
            .windows(2)
            .map(|pair| Rate::Counts {
                passed: pair[1],
                entered: pair[0],
            })
            .collect();
        Some(Self {
            entrants: counts[0],
            rates,
        })
    }

    /// A chain from the number of entrants and rates as published, each a share in 0..=1. For
    /// hand-entered rates and for reproducing published tables (A11).
    ///
    /// `None` without rates, and when one is not a share.
    #[must_use]
    pub fn from_published(entrants: u64, rates: &[f64]) -> Option<Self> {
        let shares = rates.iter().all(|rate| (0.0..=1.0).contains(rate));
        (shares && !rates.is_empty()).then(|| Self {
            entrants,
            rates: rates.iter().map(|&r| Rate::Published(r)).collect(),
        })
    }

    /// The number of steps, one less than the number of stages.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.rates.len()
    }

    /// The conversion rate of a step, as a share. `None` beyond the last step and where nobody
    /// entered.
    #[must_use]
    pub fn rate(&self, step: usize) -> Option<f64> {
        self.rates.get(step)?.value()
    }

    /// How many reach each stage, entrants first, without rounding in between (A11).
    ///
    /// `None` below a stage that nobody reached: with no entrants there is no rate.
    #[must_use]
    pub fn counts(&self) -> Vec<Option<f64>> {
        let mut level = Some(self.entrants as f64);
        let mut counts = vec![level];
        for rate in &self.rates {
            level = level.and_then(|n| rate.carry(n));
            counts.push(level);
        }
        counts
    }

    /// The step with the lowest rate, the seed's rule for the weakest stage; ties go to the
    /// earlier step (A12). Steps without a rate are passed over; `None` when none has one.
    #[must_use]
    pub fn weakest(&self) -> Option<usize> {
        (0..self.steps())
            .filter_map(|step| Some((step, self.rate(step)?)))
            .min_by(|x, y| x.1.total_cmp(&y.1))
            .map(|(step, _)| step)
    }

    /// The chain with one rate changed and the rates below it unchanged (A11).
    ///
    /// `None` when there is no such step, its rate is undefined, or the lift is not a finite
    /// number.
    #[must_use]
    pub fn what_if(&self, step: usize, lift: Lift) -> Option<Scenario> {
        self.what_if_discounted(step, lift, 0.0)
    }

    /// As [`what_if`](Self::what_if), but those who pass only because of the change convert worse
    /// below: their rates are multiplied by 1 - `downstream_discount` (A11). Marginal leads
    /// usually are worse than the average.
    ///
    /// `None` also when the discount is not in 0..=1.
    #[must_use]
    pub fn what_if_discounted(
        &self,
        step: usize,
        lift: Lift,
        downstream_discount: f64,
    ) -> Option<Scenario> {
        let (rate, capped) = lift.apply(self.rate(step)?)?;
        if !(0.0..=1.0).contains(&downstream_discount) {
            return None;
        }
        let base = self.counts();
        let mut counts = base[..=step].to_vec();
        let mut level = base[step].map(|n| n * rate);
        counts.push(level);
        // The marginal ones are carried apart only when they convert differently.
        let mut marginal = difference(level, base[step + 1]);
        for (below, rate) in self.rates.iter().enumerate().skip(step + 1) {
            let carry = |n: f64| rate.carry(n);
            level = if downstream_discount == 0.0 {
                level.and_then(carry)
            } else {
                marginal = marginal
                    .and_then(carry)
                    .map(|n| n * (1.0 - downstream_discount));
                base[below + 1].zip(marginal).map(|(n, more)| n + more)
            };
            counts.push(level);
        }
        let gain = difference(level, base[self.steps()]);
        Some(Scenario {
            counts,
            rate,
            capped,
            gain,
        })
    }
}

fn difference(x: Option<f64>, y: Option<f64>) -> Option<f64> {
    x.zip(y).map(|(x, y)| x - y)
}

/// How many more reach the last stage when one rate changes: extra deals, unrounded (A12).
///
/// For equal points it is largest at the lowest rate, so the seed's rule names the best step; for
/// equal relative change all steps tie. `None` as for [`Chain::what_if`], and when the last stage
/// is undefined.
#[must_use]
pub fn marginal_gain(chain: &Chain, step: usize, lift: Lift) -> Option<f64> {
    chain.what_if(step, lift)?.gain
}

/// Counts as displayed: rounded to whole numbers, halves away from zero (S7, A11).
#[must_use]
pub fn shown(counts: &[Option<f64>]) -> Vec<Option<i64>> {
    counts
        .iter()
        .map(|count| count.map(|n| round_half_away(n, 0) as i64))
        .collect()
}

/// The number of draws that [`p_weakest`] is specified for (A12).
pub const WEAKEST_DRAWS: u32 = 20_000;

/// For each step, the probability that its true rate is the lowest (A12).
///
/// `steps` are `(passed, entered)`. Each rate is drawn from its posterior Beta(1 + passed,
/// 1 + entered - passed), independently, `draws` times ([`WEAKEST_DRAWS`] by default); the
/// result is the share of draws in which the step came lowest, so the shares add up to 1. Draws
/// come from ChaCha seeded with `seed`, see [`crate::stable_seed`]; equal arguments give equal
/// results (S13). The sampling error is about 0.002 at 20,000 draws. A step nobody entered is
/// drawn from the uniform prior; suppress it before (S12). `None` without steps or draws, and when
/// more passed than entered.
#[must_use]
pub fn p_weakest(steps: &[(u64, u64)], draws: u32, seed: u64) -> Option<Vec<f64>> {
    if steps.is_empty() || draws == 0 || steps.iter().any(|&(passed, entered)| passed > entered) {
        return None;
    }
    let posteriors: Vec<(f64, f64)> = steps
        .iter()
        .map(|&(passed, entered)| (1.0 + passed as f64, 1.0 + (entered - passed) as f64))
        .collect();
    let mut stream = Draws::new(seed);
    let mut lowest = vec![0u32; steps.len()];
    for _ in 0..draws {
        let (mut weakest, mut least) = (0, f64::INFINITY);
        for (step, &(a, b)) in posteriors.iter().enumerate() {
            let rate = stream.beta(a, b);
            if rate < least {
                (weakest, least) = (step, rate);
            }
        }
        lowest[weakest] += 1;
    }
    Some(
        lowest
            .into_iter()
            .map(|count| f64::from(count) / f64::from(draws))
            .collect(),
    )
}
