//! Events by subject, left where they are stored: the record keeps the events of a subject together
//! and in order, so a subject needs only to know where its own begin and end. What several imports
//! brought for one subject is put together behind the rest.

use std::collections::BTreeMap;
use std::ops::Range;
use treaty_domain::timeline::{Activity, Change, Handoff, StageChange};
use treaty_domain::zone::Micros;

/// Something that happened at an instant.
pub trait Event: Copy {
    /// When.
    fn at(&self) -> i64;
}

macro_rules! events {
    ($($event:ty => $at:ident),*) => { $(impl Event for $event { fn at(&self) -> i64 { self.$at.0 } })* };
}
events!(StageChange => at, Activity => at, Handoff => passed_at, Change<u32> => at, Change<i64> => at);

impl Event for Micros {
    fn at(&self) -> i64 {
        self.0
    }
}

/// Events of a stored row group that count.
pub struct Decoded<T> {
    /// Subject of each event.
    pub subject: Vec<u32>,
    /// The events.
    pub events: Vec<T>,
    /// Order of recording and sequence of each event, where any has one (S3).
    pub recorded: Option<Vec<(i64, i64)>>,
}

impl<T> Decoded<T> {
    /// Room for so many events.
    pub fn with_capacity(rows: usize, recorded: bool) -> Self {
        Self { subject: Vec::with_capacity(rows), events: Vec::with_capacity(rows), recorded: recorded.then(|| Vec::with_capacity(rows)) }
    }
}

/// Events by subject.
#[derive(Debug, Clone)]
pub struct BySubject<T> {
    /// All events; those of a subject lie together, in the order of S3.
    pub events: Vec<T>,
    spans: Vec<(u32, u32)>,
}

impl<T> BySubject<T> {
    /// Range of a subject.
    pub fn span(&self, subject: u32) -> Range<u32> {
        let (from, to) = self.spans[subject as usize];
        from..to
    }
}

impl<T: Event> BySubject<T> {
    /// Puts decoded row groups together, in their order. At one instant, recording and sequence
    /// decide, then `tie`, then the stored order.
    pub fn new(subjects: usize, decoded: Vec<Decoded<T>>, tie: impl Fn(&T) -> u32) -> Self {
        let total = decoded.iter().map(|d| d.events.len()).sum();
        let any = decoded.iter().any(|d| d.recorded.is_some());
        let mut events: Vec<T> = Vec::with_capacity(total);
        let mut recorded: Vec<(i64, i64)> = Vec::with_capacity(if any { total } else { 0 });
        let mut spans = vec![(0u32, 0u32); subjects];
        let mut apart: BTreeMap<u32, Vec<Range<usize>>> = BTreeMap::new();
        for d in decoded {
            let base = events.len();
            events.extend_from_slice(&d.events);
            if any {
                recorded.extend(d.recorded.unwrap_or_else(|| vec![(i64::MIN, 0); d.events.len()]));
            }
            let mut from = 0;
            for run in d.subject.chunk_by(|a, b| a == b) {
                let (start, end) = (base + from, base + from + run.len());
                from += run.len();
                let span = &mut spans[run[0] as usize];
                if span.0 == span.1 {
                    *span = (start as u32, end as u32);
                } else if span.1 as usize == start {
                    span.1 = end as u32;
                } else {
                    apart.entry(run[0]).or_default().push(start..end);
                }
            }
        }
        for (subject, runs) in apart {
            let (from, to) = spans[subject as usize];
            let start = events.len();
            for run in std::iter::once(from as usize..to as usize).chain(runs) {
                events.extend_from_within(run.clone());
                if any {
                    recorded.extend_from_within(run);
                }
            }
            spans[subject as usize] = (start as u32, events.len() as u32);
        }
        let key = |events: &[T], recorded: &[(i64, i64)], i: usize| {
            (events[i].at(), recorded.get(i).copied().unwrap_or_default(), tie(&events[i]))
        };
        for (from, to) in &spans {
            let (from, to) = (*from as usize, *to as usize);
            if to - from < 2 || (from + 1..to).all(|i| key(&events, &recorded, i - 1) <= key(&events, &recorded, i)) {
                continue;
            }
            let mut order: Vec<usize> = (from..to).collect();
            order.sort_by_key(|i| key(&events, &recorded, *i));
            let sorted: Vec<T> = order.iter().map(|i| events[*i]).collect();
            events[from..to].copy_from_slice(&sorted);
        }
        Self { events, spans }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(rows: &[(u32, i64)], recorded: Option<Vec<(i64, i64)>>) -> Decoded<Micros> {
        Decoded { subject: rows.iter().map(|r| r.0).collect(), events: rows.iter().map(|r| Micros(r.1)).collect(), recorded }
    }

    #[test]
    fn events_of_several_imports_come_together_in_order() {
        let b = BySubject::new(
            4,
            vec![group(&[(1, 5), (1, 7), (2, 1)], None), group(&[(2, 2), (0, 3), (1, 6)], None), group(&[(1, 1)], None)],
            |_| 0,
        );
        let of = |s: u32| b.events[b.span(s).start as usize..b.span(s).end as usize].iter().map(|m| m.0).collect::<Vec<_>>();
        assert_eq!(of(0), [3]);
        assert_eq!(of(1), [1, 5, 6, 7]);
        assert_eq!(of(2), [1, 2]);
        assert!(of(3).is_empty());
    }

    #[test]
    fn recording_and_ties_decide_at_one_instant() {
        let b = BySubject::new(1, vec![group(&[(0, 9), (0, 9)], Some(vec![(3, 0), (2, 0)]))], |_| 0);
        assert_eq!(b.span(0), 0..2);
        let tied = BySubject::new(1, vec![group(&[(0, 4), (0, 4), (0, 3)], None)], |m| 10 - m.0 as u32);
        assert_eq!(tied.events.iter().map(|m| m.0).collect::<Vec<_>>(), [3, 4, 4]);
    }
}
