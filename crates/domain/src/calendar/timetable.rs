//! All opening hours of 130 years as one sorted array with running totals.
//!
//! `F(t)`, the open time before `t`, makes `E(a, b) = F(b) - F(a)`, so the laws of S4 (additive,
//! never negative, nothing across closed time) hold by construction, and a span of years costs
//! what a span of minutes does: two look-ups, without a time zone, a loop over days or an
//! allocation. The array of one calendar takes about 1 MB and 2 ms, once; jumping over whole weeks
//! instead would save that memory, but needs its own rules at every exception and transition.
//! Before and after the array the week runs on at the offset of its ends, by arithmetic.

use super::hours::{Block, MIDNIGHT};
use crate::zone::{LocalDay, Micros, Zone};
use std::collections::BTreeMap;

/// Hours of single dates; no hours at all is closed.
pub(super) type Exceptions = BTreeMap<LocalDay, Vec<Block>>;

/// 1970-01-01 and 2100-01-01: the zone knows no transition after that.
const FIRST: i32 = 0;
const END: i32 = 47_482;

/// Instants are limited to 146 thousand years either way, so that sums cannot overflow.
const LIMIT: i64 = i64::MAX / 2;

const WEEK: i64 = 7 * Micros::DAY;
/// Microseconds from Monday 1969-12-29 to 1970-01-01.
const MONDAY: i64 = 3 * Micros::DAY;

/// Opening hours with the open time before them.
struct Open {
    start: i64,
    end: i64,
    before: i64,
}

impl Open {
    fn total(&self) -> i64 {
        self.before + (self.end - self.start)
    }
}

/// Open time within sorted, disjoint spans.
fn open_within(spans: &[Open], from: usize, t: i64) -> i64 {
    let mut i = from;
    while spans.get(i).is_some_and(|s| s.end <= t) {
        i += 1;
    }
    match spans.get(i) {
        Some(s) => s.before + (t - s.start).max(0),
        None => spans.last().map_or(0, Open::total),
    }
}

/// First time at which the open time within the spans, the first `from` of which are known to be
/// too early, reaches `target`.
fn instant_within(spans: &[Open], from: usize, target: i64) -> Option<i64> {
    let later = spans.get(from..)?;
    // Deadlines lie a few blocks ahead, where looking is cheaper than searching.
    let near = later.iter().take(8).position(|s| s.total() >= target);
    let i = near.unwrap_or_else(|| later.partition_point(|s| s.total() < target));
    later.get(i).map(|s| s.start + (target - s.before))
}

/// Sorts blocks and joins those that overlap or touch; empty ones vanish.
pub(super) fn merge(mut blocks: Vec<Block>) -> Vec<Block> {
    blocks.retain(|b| b.from < b.to && b.to <= MIDNIGHT);
    blocks.sort_unstable();
    blocks.dedup_by(|next, kept| {
        let joined = next.from <= kept.to;
        if joined {
            kept.to = kept.to.max(next.to);
        }
        joined
    });
    blocks
}

/// A week without exceptions on a clock without transitions, for ever.
struct Regular {
    /// From Monday 00:00 on.
    spans: Vec<Open>,
    total: i64,
}

impl Regular {
    fn new(week: &[Vec<Block>; 7]) -> Self {
        let mut spans: Vec<Open> = Vec::new();
        let mut total = 0;
        let days = (0_i64..).step_by(24 * 60).zip(week);
        for (start, end) in days.flat_map(|(day, blocks)| {
            let minute = move |m: u16| (day + i64::from(m)) * Micros::MINUTE;
            blocks.iter().map(move |b| (minute(b.from), minute(b.to)))
        }) {
            spans.push(Open {
                start,
                end,
                before: total,
            });
            total += end - start;
        }
        Self { spans, total }
    }

    /// Open time from the Monday of 1970's first week until a local time; negative before it.
    fn open_until(&self, local: i64) -> i64 {
        let since = local + MONDAY;
        since.div_euclid(WEEK) * self.total + open_within(&self.spans, 0, since.rem_euclid(WEEK))
    }

    fn is_open(&self, local: i64) -> bool {
        let t = (local + MONDAY).rem_euclid(WEEK);
        self.spans.iter().any(|s| s.start <= t && t < s.end)
    }

    /// First local time until which `target` was open.
    fn instant_of(&self, target: i64) -> Option<i64> {
        let weeks = target.checked_sub(1)?.checked_div_euclid(self.total)?;
        let within = instant_within(&self.spans, 0, target - weeks * self.total)?;
        weeks.checked_mul(WEEK)?.checked_add(within - MONDAY)
    }
}

/// One end of the array: the instant, and how the regular week continues from there.
struct Edge {
    at: i64,
    offset: i64,
    /// Open time of the regular week until here.
    open: i64,
}

impl Edge {
    fn new(zone: &Zone, regular: &Regular, day: i32) -> Self {
        let at = zone.start_of_day(LocalDay(day));
        let local = zone.local_micros(at);
        Self {
            at: at.0,
            offset: local - at.0,
            open: regular.open_until(local),
        }
    }

    fn open_since(&self, regular: &Regular, t: i64) -> i64 {
        regular.open_until(t + self.offset) - self.open
    }

    fn instant_of(&self, regular: &Regular, target: i64) -> Option<i64> {
        regular
            .instant_of(target.checked_add(self.open)?)?
            .checked_sub(self.offset)
    }
}

/// The opening hours of a calendar in UTC.
pub(super) struct Timetable {
    spans: Box<[Open]>,
    /// Position of the first span that ends after each 24 hours counted from the first edge.
    index: Box<[u32]>,
    first: Edge,
    end: Edge,
    regular: Regular,
}

impl Timetable {
    pub(super) fn new(zone: &Zone, week: &[Vec<Block>; 7], exceptions: &Exceptions) -> Self {
        let regular = Regular::new(week);
        let first = Edge::new(zone, &regular, FIRST);
        let end = Edge::new(zone, &regular, END);

        let mut spans: Vec<Open> = Vec::new();
        let mut total = 0;
        for day in (FIRST..END).map(LocalDay) {
            let hours = exceptions.get(&day).unwrap_or(&week[day.weekday()]);
            let midnight = i64::from(day.0) * Micros::DAY;
            let reach = |minute: u16| {
                zone.first_reach(midnight + i64::from(minute) * Micros::MINUTE)
                    .0
            };
            for (start, end) in hours.iter().map(|b| (reach(b.from), reach(b.to))) {
                if start >= end {
                    continue;
                }
                total += end - start;
                match spans.last_mut() {
                    Some(last) if last.end == start => last.end = end,
                    _ => spans.push(Open {
                        start,
                        end,
                        before: total - (end - start),
                    }),
                }
            }
        }

        let mut index = Vec::new();
        let mut next = 0;
        let mut bucket = first.at;
        while bucket < end.at {
            while spans.get(next).is_some_and(|s| s.end <= bucket) {
                next += 1;
            }
            // 130 years of a block each minute would be 68 million.
            index.push(u32::try_from(next).unwrap_or(u32::MAX));
            bucket += Micros::DAY;
        }
        Self {
            spans: spans.into(),
            index: index.into(),
            first,
            end,
            regular,
        }
    }

    /// Position of the first span that may end after `t`, which lies between the edges.
    fn position(&self, t: i64) -> usize {
        let bucket = usize::try_from((t - self.first.at) / Micros::DAY).unwrap_or(0);
        self.index.get(bucket).map_or(0, |&i| i as usize)
    }

    fn total(&self) -> i64 {
        self.spans.last().map_or(0, Open::total)
    }

    /// `F(t)`: open time from the first edge until `t`; negative before it.
    pub(super) fn open_until(&self, t: i64) -> i64 {
        let t = t.clamp(-LIMIT, LIMIT);
        if t < self.first.at {
            self.first.open_since(&self.regular, t)
        } else if t < self.end.at {
            open_within(&self.spans, self.position(t), t)
        } else {
            self.total() + self.end.open_since(&self.regular, t)
        }
    }

    /// First instant at which `d` microseconds after `a` were open, `d > 0`; `None` when that
    /// much never is.
    pub(super) fn deadline(&self, a: i64, d: i64) -> Option<i64> {
        let target = self.open_until(a).checked_add(d)?;
        if target <= 0 {
            self.first.instant_of(&self.regular, target)
        } else if target <= self.total() {
            let from = if a < self.first.at {
                0
            } else {
                self.position(a)
            };
            instant_within(&self.spans, from, target)
        } else {
            self.end.instant_of(&self.regular, target - self.total())
        }
    }

    pub(super) fn is_open(&self, t: i64) -> bool {
        let t = t.clamp(-LIMIT, LIMIT);
        if t < self.first.at {
            self.regular.is_open(t + self.first.offset)
        } else if t < self.end.at {
            let rest = self.spans.iter().skip(self.position(t));
            rest.take_while(|s| s.start <= t).any(|s| t < s.end)
        } else {
            self.regular.is_open(t + self.end.offset)
        }
    }
}
