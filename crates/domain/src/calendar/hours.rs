//! The business-hours clock (methods S4).
//!
//! `E(a, b)` is the open time within `[a, b)`. Boundaries are wall-clock times of one zone, lengths
//! are physical: each local opening is converted to UTC, so that a night shift over a change of
//! the clock is an hour longer or shorter. A boundary lies where the wall clock first shows its
//! time: at the transition when the clock skips it, at the first of both when it shows it twice.

use super::timetable::{Exceptions, Timetable, merge};
use crate::zone::{LocalDay, Micros, Zone};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Minutes of a day.
pub(super) const MIDNIGHT: u16 = 1_440;

/// Opening hours as minutes of the local day, `[from, to)`; `from > to` runs over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// First open minute, 0 to 1440.
    pub from: u16,
    /// First closed minute, 0 to 1440.
    pub to: u16,
}

impl Block {
    /// A block of hours, given in minutes of the local day.
    pub fn new(from: u16, to: u16) -> Self {
        Self { from, to }
    }

    /// The part on the day itself, and the part after midnight that belongs to the next day: a
    /// shift from 22:00 to 06:00 is 22:00-24:00 and 00:00-06:00.
    pub fn split(self) -> (Self, Option<Self>) {
        let (from, to) = (self.from.min(MIDNIGHT), self.to.min(MIDNIGHT));
        if from <= to {
            (Self { from, to }, None)
        } else {
            (
                Self { from, to: MIDNIGHT },
                (to > 0).then_some(Self { from: 0, to }),
            )
        }
    }
}

/// `09:00-17:00`.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b) = (self.from, self.to);
        write!(f, "{:02}:{:02}-{:02}:{:02}", a / 60, a % 60, b / 60, b % 60)
    }
}

/// Working hours of one zone: the clock on which "within 60 business minutes" is measured (S4).
///
/// A copy is cheap. Two calendars are equal when they are open at the same times by definition:
/// same zone, same hours of the week, same exceptions.
#[derive(Clone)]
pub struct Calendar {
    inner: Arc<Inner>,
}

struct Inner {
    zone: Zone,
    /// `None` is open around the clock.
    hours: Option<Hours>,
}

struct Hours {
    week: [Vec<Block>; 7],
    closed: BTreeSet<LocalDay>,
    open: BTreeMap<LocalDay, Vec<Block>>,
    timetable: Timetable,
}

impl Calendar {
    /// Hours of the week from Monday to Sunday, closed dates, and dates with hours of their own.
    ///
    /// Blocks over midnight are split there and their rest belongs to the next date; blocks that
    /// overlap or touch are one. A date's own hours replace the week's, also where that date is
    /// listed as closed; a closed date is closed from midnight to midnight.
    /// Dates before 1970 or from 2100 on are not looked at: there the week runs on unchanged.
    pub fn new(
        zone: Zone,
        week: [Vec<Block>; 7],
        closed: Vec<Date>,
        open: BTreeMap<Date, Vec<Block>>,
    ) -> Self {
        let mut days: [Vec<Block>; 7] = Default::default();
        for (day, blocks) in week.iter().enumerate() {
            for (today, tomorrow) in blocks.iter().map(|b| b.split()) {
                days[day].push(today);
                days[(day + 1) % 7].extend(tomorrow);
            }
        }
        let week = days.map(merge);

        let mut own: BTreeMap<LocalDay, Vec<Block>> = BTreeMap::new();
        let mut after_midnight: BTreeMap<LocalDay, Vec<Block>> = BTreeMap::new();
        for (&date, blocks) in &open {
            let date = LocalDay::from(date);
            let hours = own.entry(date).or_default();
            for (today, tomorrow) in blocks.iter().map(|b| b.split()) {
                hours.push(today);
                after_midnight
                    .entry(date.plus(1))
                    .or_default()
                    .extend(tomorrow);
            }
        }
        let closed: BTreeSet<LocalDay> = closed
            .into_iter()
            .map(LocalDay::from)
            .filter(|day| !own.contains_key(day))
            .collect();
        for (date, rest) in after_midnight {
            if !rest.is_empty() && !closed.contains(&date) {
                own.entry(date)
                    .or_insert_with(|| week[date.weekday()].clone())
                    .extend(rest);
            }
        }
        let open: BTreeMap<LocalDay, Vec<Block>> = own
            .into_iter()
            .map(|(date, blocks)| (date, merge(blocks)))
            .collect();

        let mut exceptions: Exceptions = closed.iter().map(|&day| (day, Vec::new())).collect();
        exceptions.extend(open.iter().map(|(&day, blocks)| (day, blocks.clone())));
        let timetable = Timetable::new(&zone, &week, &exceptions);
        Self {
            inner: Arc::new(Inner {
                zone,
                hours: Some(Hours {
                    week,
                    closed,
                    open,
                    timetable,
                }),
            }),
        }
    }

    /// Open around the clock: business time is elapsed time, without any local arithmetic (S4).
    pub fn always(zone: Zone) -> Self {
        Self {
            inner: Arc::new(Inner { zone, hours: None }),
        }
    }

    /// Zone of the wall clock.
    pub fn zone(&self) -> &Zone {
        &self.inner.zone
    }

    /// Open around the clock by construction.
    pub fn is_always(&self) -> bool {
        self.inner.hours.is_none()
    }

    /// Hours of the week from Monday to Sunday, split at midnight, merged and in order; `None`
    /// when open around the clock.
    pub fn week(&self) -> Option<&[Vec<Block>; 7]> {
        self.inner.hours.as_ref().map(|h| &h.week)
    }

    /// Closed dates in order.
    pub fn closed_dates(&self) -> impl Iterator<Item = Date> + '_ {
        self.inner
            .hours
            .iter()
            .flat_map(|h| h.closed.iter().map(|&day| day.into()))
    }

    /// Dates with hours of their own, in order; a date into which such hours run over midnight is
    /// one of them.
    pub fn open_dates(&self) -> impl Iterator<Item = (Date, &[Block])> + '_ {
        self.inner.hours.iter().flat_map(|h| {
            h.open
                .iter()
                .map(|(&day, blocks)| (day.into(), blocks.as_slice()))
        })
    }

    /// `E(a, b)`: microseconds of open time in `[a, b)`. Zero when `b` is not after `a`, which is
    /// how a response before the hand-off counts (S4).
    pub fn elapsed(&self, a: Micros, b: Micros) -> i64 {
        if b <= a {
            return 0;
        }
        match &self.inner.hours {
            None => b.0.saturating_sub(a.0),
            Some(hours) => hours.timetable.open_until(b.0) - hours.timetable.open_until(a.0),
        }
    }

    /// First instant `t` with `E(a, t) >= d`, the deadline of a promise of `d` microseconds; `a`
    /// itself when `d` is not positive. `None` when the hours that are still to come, for all
    /// time, add up to less.
    pub fn deadline(&self, a: Micros, d: i64) -> Option<Micros> {
        if d <= 0 {
            return Some(a);
        }
        match &self.inner.hours {
            None => a.0.checked_add(d).map(Micros),
            Some(hours) => hours.timetable.deadline(a.0, d).map(|t| Micros(t).max(a)),
        }
    }

    /// Open at this instant.
    pub fn is_open(&self, t: Micros) -> bool {
        self.inner
            .hours
            .as_ref()
            .is_none_or(|h| h.timetable.is_open(t.0))
    }
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
            || self.inner.zone == other.inner.zone
                && match (&self.inner.hours, &other.inner.hours) {
                    (None, None) => true,
                    (Some(a), Some(b)) => {
                        a.week == b.week && a.closed == b.closed && a.open == b.open
                    }
                    _ => false,
                }
    }
}

impl Eq for Calendar {}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Calendar");
        out.field("zone", &self.inner.zone);
        if let Some(hours) = &self.inner.hours {
            out.field("week", &hours.week)
                .field("closed", &hours.closed)
                .field("open", &hours.open);
        }
        out.finish()
    }
}

#[cfg(test)]
#[path = "hours_tests.rs"]
mod tests;
