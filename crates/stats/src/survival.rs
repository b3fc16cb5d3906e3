//! Durations of which some are still open: Kaplan-Meier, and competing risks by
//! Aalen-Johansen (A5, A10, A13, C3, S11).
//!
//! Times are non-negative durations in whatever unit the caller uses (minutes for speed to lead,
//! days for deals). At a tie events come first: whoever is censored at time t was still at risk
//! when the events of time t happened. A record whose duration is negative, infinite or not a
//! number cannot be used; it is left out and counted.

use std::cmp::Ordering;

/// How far S(t) may lie above 1 - q and still count as having reached it (A5).
const TOLERANCE: f64 = 1e-9;

/// One duration: until the event, or until observation ended without it (A5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Obs {
    /// The duration, at least 0.
    pub time: f64,
    /// Whether the event happened at `time`; otherwise the record was still open then
    /// (right-censored).
    pub event: bool,
}

/// A curve that starts at 1 and steps down, with its area.
#[derive(Debug, Clone, Default)]
struct Curve {
    /// The times of the steps, increasing.
    times: Vec<f64>,
    /// The value from each step on.
    values: Vec<f64>,
    /// The area under the curve from 0 to each step.
    areas: Vec<f64>,
}

impl Curve {
    /// The number of steps at or before `t`.
    fn steps_until(&self, t: f64) -> usize {
        self.times.partition_point(|&time| time <= t)
    }

    fn value(&self, t: f64) -> f64 {
        let steps = self.steps_until(t);
        if steps == 0 {
            1.0
        } else {
            self.values[steps - 1]
        }
    }

    fn last_value(&self) -> f64 {
        self.values.last().copied().unwrap_or(1.0)
    }

    /// Adds a step after all others.
    fn push(&mut self, time: f64, value: f64) {
        let area = match (self.times.last(), self.values.last(), self.areas.last()) {
            (Some(last), Some(value), Some(area)) => area + (time - last) * value,
            _ => time,
        };
        self.times.push(time);
        self.values.push(value);
        self.areas.push(area);
    }

    /// The area from 0 to `t`, the last value going on for ever.
    fn area(&self, t: f64) -> f64 {
        let steps = self.steps_until(t);
        if steps == 0 {
            t
        } else {
            self.areas[steps - 1] + (t - self.times[steps - 1]) * self.values[steps - 1]
        }
    }
}

/// The product of the Kaplan-Meier factors. Between censorings (n-d)/n telescopes, so the whole
/// stretch is kept as one ratio of integers and rounded once: without censoring S is exact.
#[derive(Debug, Clone)]
struct Product {
    base: f64,
    stretch_start: u64,
    at_risk: u64,
}

impl Product {
    fn new() -> Self {
        Self {
            base: 1.0,
            stretch_start: 0,
            at_risk: 0,
        }
    }

    fn value(&self) -> f64 {
        if self.stretch_start == 0 {
            self.base
        } else {
            self.base * self.at_risk as f64 / self.stretch_start as f64
        }
    }

    /// `events` among `at_risk >= events`; returns the survival afterwards.
    fn step(&mut self, at_risk: u64, events: u64) -> f64 {
        if at_risk != self.at_risk || self.stretch_start == 0 {
            self.base = self.value();
            self.stretch_start = at_risk;
        }
        self.at_risk = at_risk - events;
        self.value()
    }
}

/// A time at which some had the event.
#[derive(Debug, Clone, Copy)]
struct Step {
    time: f64,
    events: usize,
    /// The share that still waits afterwards.
    survival: f64,
}

impl Step {
    /// Whether at least a share `q` has had the event.
    fn reaches(&self, q: f64) -> bool {
        is_share(q) && self.survival <= 1.0 - q + TOLERANCE
    }
}

fn is_share(q: f64) -> bool {
    q > 0.0 && q <= 1.0
}

/// Sorts records by their durations; those that can be used.
fn usable(observations: &mut [Obs]) -> &[Obs] {
    // Runs that are in order already, such as those of groups, cost little.
    observations.sort_by(|x, y| x.time.total_cmp(&y.time));
    let from = observations.partition_point(|o| o.time.total_cmp(&-0.0) == Ordering::Less);
    let to = observations.partition_point(|o| o.time.total_cmp(&f64::INFINITY) == Ordering::Less);
    &observations[from..to]
}

/// The steps of the Kaplan-Meier curve over records in order.
struct Steps<'a> {
    rest: &'a [Obs],
    product: Product,
}

impl<'a> Steps<'a> {
    fn of(usable: &'a [Obs]) -> Self {
        Self { rest: usable, product: Product::new() }
    }
}

impl Iterator for Steps<'_> {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        loop {
            let (at_risk, time) = (self.rest.len(), self.rest.first()?.time);
            let tied = self.rest.iter().take_while(|o| o.time == time).count();
            let (tied, rest) = self.rest.split_at(tied);
            self.rest = rest;
            let events = tied.iter().filter(|o| o.event).count();
            if events > 0 {
                return Some(Step { time, events, survival: self.product.step(at_risk as u64, events as u64) });
            }
        }
    }
}

/// The Kaplan-Meier estimate of the share that is still waiting at each age (A5, C3, S11).
///
/// Uses open records as what they are, waiting at least that long; leaving them out, or counting
/// only finished ones, makes everybody look faster than they are.
#[derive(Debug, Clone)]
pub struct KaplanMeier {
    curve: Curve,
    last_time: f64,
    used: usize,
    events: usize,
    excluded: usize,
}

impl KaplanMeier {
    /// Fits the curve. Sorts `observations` in place; n log n time.
    ///
    /// `None` when no record can be used.
    #[must_use]
    pub fn fit(observations: &mut [Obs]) -> Option<Self> {
        let all = observations.len();
        let usable = usable(observations);
        let last_time = usable.last()?.time;
        let mut fitted = Self {
            curve: Curve::default(),
            last_time,
            used: usable.len(),
            events: 0,
            excluded: all - usable.len(),
        };
        for step in Steps::of(usable) {
            fitted.curve.push(step.time, step.survival);
            fitted.events += step.events;
        }
        Some(fitted)
    }

    /// What [`quantile`](Self::quantile) says of a fitted curve for each of some shares, without keeping
    /// the curve (A5). Sorts `observations` in place.
    #[must_use]
    pub fn quantiles<const N: usize>(observations: &mut [Obs], shares: [f64; N]) -> [Option<f64>; N] {
        let mut reached = [None; N];
        for step in Steps::of(usable(observations)) {
            for (reached, q) in reached.iter_mut().zip(shares) {
                if reached.is_none() && step.reaches(q) {
                    *reached = Some(step.time);
                }
            }
            // Later steps lie lower.
            if reached.iter().all(Option::is_some) {
                break;
            }
        }
        reached
    }

    /// S(t): the share still waiting just after `t` (A5).
    ///
    /// 1 before the first event. After the last observed time the curve keeps its last value,
    /// which is then an upper bound unless it is 0. One minus it, at the SLA window, is the share
    /// worked within the window with open leads taken into account (A4).
    #[must_use]
    pub fn survival_at(&self, t: f64) -> f64 {
        self.curve.value(t)
    }

    /// The smallest time by which at least a share `q` has had the event: the smallest t with
    /// S(t) <= 1 - q + 1e-9 (A5).
    ///
    /// In the unit of the times. `None` when the curve never comes down so far (the quantile is
    /// not reached yet), or when `q` is not in 0 < q <= 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if !is_share(q) {
            return None;
        }
        let above = self.curve.values.partition_point(|&s| s > 1.0 - q + TOLERANCE);
        self.curve.times.get(above).copied()
    }

    /// The median waiting time, [`quantile`](Self::quantile) one half (A5).
    #[must_use]
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }

    /// The restricted mean: the mean waiting time when everybody is cut off at `horizon`, the
    /// area under S from 0 to `horizon` (C3).
    ///
    /// In the unit of the times. `None` when `horizon` is negative or not finite, and when it lies
    /// beyond the last observed time while some were still waiting (not identified).
    #[must_use]
    pub fn rmst(&self, horizon: f64) -> Option<f64> {
        let known = horizon <= self.last_time || self.curve.last_value() == 0.0;
        (horizon >= 0.0 && horizon.is_finite() && known).then(|| self.curve.area(horizon))
    }

    /// The last observed time, of an event or of an open record.
    #[must_use]
    pub fn last_time(&self) -> f64 {
        self.last_time
    }

    /// How many records were used.
    #[must_use]
    pub fn n(&self) -> usize {
        self.used
    }

    /// How many of them had the event; the others are censored.
    #[must_use]
    pub fn events(&self) -> usize {
        self.events
    }

    /// How many records had no usable duration and were left out.
    #[must_use]
    pub fn excluded(&self) -> usize {
        self.excluded
    }
}

/// How a record ended (A13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// Still open when observation ended (right-censored).
    Open,
    /// Ended by this cause; the caller numbers the causes (won, lost, disqualified).
    Event(u8),
}

/// One record under competing risks: a lead or an opportunity (A10, A13).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spell {
    /// The age at which observation began: 0 for a record seen from its start, its age at that
    /// moment for one that was already open when history begins (delayed entry, S11).
    pub entry: f64,
    /// The age at which it ended, or up to which it was seen open.
    pub time: f64,
    /// How it ended.
    pub end: End,
}

impl Spell {
    /// A record observed from its start.
    #[must_use]
    pub fn from_start(time: f64, end: End) -> Self {
        Self {
            entry: 0.0,
            time,
            end,
        }
    }
}

/// The Aalen-Johansen estimate: for each cause, the share that has ended by it at each age
/// (A10, A13).
///
/// Winning and losing compete: whoever has lost cannot win any more. Censoring the losses in a
/// Kaplan-Meier curve of wins overstates winning; these shares are probabilities, and with the
/// share still open they add up to 1.
///
/// With delayed entry the risk set at young ages can be small; should it run empty, the open share
/// falls to 0 for good, so check [`at_risk_after`](Self::at_risk_after).
#[derive(Debug, Clone)]
pub struct AalenJohansen {
    open: Curve,
    /// The causes seen, in increasing order.
    causes: Vec<u8>,
    /// Cumulative incidence after each step, one row of `causes.len()` per step.
    incidence: Vec<f64>,
    exits: Vec<f64>,
    late_entries: Vec<f64>,
    excluded: usize,
}

impl AalenJohansen {
    /// Fits the curves; n log n time. The order of `spells` does not matter.
    ///
    /// A record with delayed entry counts from just after its entry age, so one that ends at or
    /// before its entry cannot be used. `None` when no record can be used.
    #[must_use]
    pub fn fit(spells: &[Spell]) -> Option<Self> {
        let usable = |s: &&Spell| {
            s.time >= 0.0 && s.time.is_finite() && (s.entry <= 0.0 || s.entry < s.time)
        };
        let mut exits: Vec<(f64, End)> = spells
            .iter()
            .filter(usable)
            .map(|s| (s.time, s.end))
            .collect();
        exits.sort_unstable_by(|x, y| x.0.total_cmp(&y.0));
        let mut late_entries: Vec<f64> = spells
            .iter()
            .filter(usable)
            .map(|s| s.entry)
            .filter(|&entry| entry > 0.0)
            .collect();
        late_entries.sort_unstable_by(f64::total_cmp);
        if exits.is_empty() {
            return None;
        }

        let mut seen = [false; 256];
        for (_, end) in &exits {
            if let End::Event(cause) = end {
                seen[usize::from(*cause)] = true;
            }
        }
        let causes: Vec<u8> = (0..=u8::MAX)
            .filter(|&cause| seen[usize::from(cause)])
            .collect();
        let mut column = [0; 256];
        for (i, &cause) in causes.iter().enumerate() {
            column[usize::from(cause)] = i;
        }

        let mut open = Curve::default();
        let mut incidence = Vec::new();
        let mut shares = vec![0.0; causes.len()];
        let mut counts = vec![0u64; causes.len()];
        let mut product = Product::new();
        let (mut before, mut entered, mut left) = (1.0, 0, 0);
        let from_start = exits.len() - late_entries.len();
        for tied in exits.chunk_by(|x, y| x.0 == y.0) {
            let time = tied[0].0;
            while entered < late_entries.len() && late_entries[entered] < time {
                entered += 1;
            }
            counts.fill(0);
            for (_, end) in tied {
                if let End::Event(cause) = end {
                    counts[column[usize::from(*cause)]] += 1;
                }
            }
            let events: u64 = counts.iter().sum();
            if events > 0 {
                let at_risk = (from_start + entered - left) as u64;
                for (share, &count) in shares.iter_mut().zip(&counts) {
                    *share += before * count as f64 / at_risk as f64;
                }
                before = product.step(at_risk, events);
                open.push(time, before);
                incidence.extend_from_slice(&shares);
            }
            left += tied.len();
        }
        Some(Self {
            open,
            causes,
            incidence,
            excluded: spells.len() - exits.len(),
            exits: exits.into_iter().map(|(time, _)| time).collect(),
            late_entries,
        })
    }

    /// The incidence of `cause` after the first `steps` steps.
    fn incidence_after(&self, cause: u8, steps: usize) -> f64 {
        match self.causes.binary_search(&cause) {
            Ok(column) if steps > 0 => self.incidence[(steps - 1) * self.causes.len() + column],
            _ => 0.0,
        }
    }

    /// The share still open at `age`, S (A13).
    #[must_use]
    pub fn open_at(&self, age: f64) -> f64 {
        self.open.value(age)
    }

    /// The share that has ended by `cause` at or before `age`: the cumulative incidence (A10,
    /// A13). 0 for a cause never seen. After the last observed age it stays as it is and is a
    /// lower bound, unless nobody was left open.
    #[must_use]
    pub fn cumulative_incidence(&self, cause: u8, age: f64) -> f64 {
        self.incidence_after(cause, self.open.steps_until(age))
    }

    /// The share that ends by `cause` within the observed ages, the final value of the curve.
    #[must_use]
    pub fn final_incidence(&self, cause: u8) -> f64 {
        self.incidence_after(cause, self.open.times.len())
    }

    /// S(age), when a record open at `age` can be compared with history: somebody was seen open
    /// beyond it.
    fn open_beyond(&self, age: f64) -> Option<f64> {
        let open = self.open_at(age);
        (open > 0.0 && age < self.last_time()).then_some(open)
    }

    /// The probability that a record open at `age` will end by `cause` within the ages history
    /// knows: (F(tau) - F(age)) / S(age) (A13).
    ///
    /// A lower bound where some records were still open at the last observed age tau; the upper
    /// one is [`p_eventually_at_most`](Self::p_eventually_at_most). `None` when history has nobody
    /// open beyond `age`.
    #[must_use]
    pub fn p_eventually(&self, cause: u8, age: f64) -> Option<f64> {
        let open = self.open_beyond(age)?;
        let gain = self.final_incidence(cause) - self.cumulative_incidence(cause, age);
        Some((gain / open).clamp(0.0, 1.0))
    }

    /// The upper bound to [`p_eventually`](Self::p_eventually): as if everybody still open at the
    /// last observed age were to end by `cause` (A13).
    #[must_use]
    pub fn p_eventually_at_most(&self, cause: u8, age: f64) -> Option<f64> {
        let open = self.open_beyond(age)?;
        let gain = self.final_incidence(cause) - self.cumulative_incidence(cause, age);
        Some(((gain + self.open.last_value()) / open).clamp(0.0, 1.0))
    }

    /// The probability that a record open at `age` ends by `cause` in the next `horizon`, that is
    /// in (age, age + horizon]: (F(age + horizon) - F(age)) / S(age) (A13).
    ///
    /// A lower bound where the horizon reaches beyond the last observed age. `None` when `horizon`
    /// is negative or not a number, and when history has nobody open beyond `age`.
    #[must_use]
    pub fn p_between(&self, cause: u8, age: f64, horizon: f64) -> Option<f64> {
        let open = self.open_beyond(age)?;
        if horizon.is_nan() || horizon < 0.0 {
            return None;
        }
        let gain =
            self.cumulative_incidence(cause, age + horizon) - self.cumulative_incidence(cause, age);
        Some((gain / open).clamp(0.0, 1.0))
    }

    /// The mean time that a record open at `age` stays open, counted up to the last observed age
    /// (A13: the days a deal still costs). In the unit of the times; a lower bound where some were
    /// still open then. `None` as for [`p_eventually`](Self::p_eventually).
    #[must_use]
    pub fn mean_remaining(&self, age: f64) -> Option<f64> {
        let open = self.open_beyond(age)?;
        let age = age.max(0.0);
        Some((self.open.area(self.last_time()) - self.open.area(age)) / open)
    }

    /// The age by which a share `q` of those who end by `cause` have done so: the smallest t with
    /// F(t) >= q F(tau) - 1e-9 (A10).
    ///
    /// The lead-to-close length among winners, without the bias of looking only at finished ones.
    /// `None` when nobody ended by `cause` or `q` is not in 0 < q <= 1.
    #[must_use]
    pub fn time_to(&self, cause: u8, q: f64) -> Option<f64> {
        let column = self.causes.binary_search(&cause).ok()?;
        if !(q > 0.0 && q <= 1.0) {
            return None;
        }
        let goal = q * self.final_incidence(cause) - TOLERANCE;
        let (mut low, mut high) = (0, self.open.times.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let share = self.incidence[middle * self.causes.len() + column];
            // A share of zero is nobody yet, however small the goal.
            if share > 0.0 && share >= goal {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        self.open.times.get(low).copied()
    }

    /// How many records were observed to be open beyond `age`: the size of the comparison behind
    /// a probability at that age (A13 asks for 20).
    #[must_use]
    pub fn at_risk_after(&self, age: f64) -> usize {
        let until = |times: &[f64]| times.partition_point(|&time| time <= age);
        let entered = self.exits.len() - self.late_entries.len() + until(&self.late_entries);
        entered.saturating_sub(until(&self.exits))
    }

    /// The causes that occurred, in increasing order.
    #[must_use]
    pub fn causes(&self) -> &[u8] {
        &self.causes
    }

    /// The last observed age, tau, of an end or of an open record.
    #[must_use]
    pub fn last_time(&self) -> f64 {
        self.exits.last().copied().unwrap_or(0.0)
    }

    /// How many records were used.
    #[must_use]
    pub fn n(&self) -> usize {
        self.exits.len()
    }

    /// How many records had no usable duration and were left out.
    #[must_use]
    pub fn excluded(&self) -> usize {
        self.excluded
    }
}
