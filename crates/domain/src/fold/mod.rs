//! The fold: one ordered pass over an account's timeline that yields every fact.
//!
//! `fold(&Context, &Timeline, &mut Scratch, &mut Sink)` knows nothing of files, tables or threads.
//! Each event is judged by the terms in force at its time. In steady state nothing is allocated:
//! [`Scratch`] is reused from account to account.
//!
//! The order of work follows the money: opportunities first, because a lead ends in one and an
//! account's purchases include its wins; then leads with their hand-offs; then paths of touches.

mod handoff;
mod lead;
mod opportunity;
mod path;

use crate::agreement::{AttemptsPromise, ClockKind, People, SourceRule, StageMeaning, WindowPromise};
use crate::calendar::Calendar;
use crate::facts::{Base, GateVerdict, OpportunityFact, Sink, Status};
use crate::money::{Currency, FxTable};
use crate::timeline::{Criteria, NONE, Timeline};
use crate::zone::{Micros, Zone};

/// Most stages that an agreement may have.
pub const MAX_STAGES: usize = 15;

/// Criteria of one stage's gate, as bits of [`Criteria`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gate {
    /// Criteria that decide the verdict.
    pub required: u64,
}

/// One version of the agreement, with every name resolved to a number.
#[derive(Debug, Clone)]
pub struct Terms {
    /// First instant at which it is in force.
    pub from: Micros,
    /// What a stage value means, by value number; unknown values are passed over.
    pub meaning: Vec<Option<StageMeaning>>,
    /// Number of stages; also the rank of a win.
    pub stages: u8,
    /// First stage of opportunities.
    pub first_opportunity_stage: u8,
    /// By stage: it is forecastable.
    pub forecastable: Vec<bool>,
    /// By stage: the gate on leaving it.
    pub gates: Vec<Gate>,
    /// Criterion that says whether a lead that is passed meets the definition.
    pub definition: Option<u8>,
    /// By activity kind: it counts as sales effort.
    pub qualifying: Vec<bool>,
    /// A return within so many days cancels a lost or disqualified exit.
    pub reopen_grace_days: i64,
    /// Acceptance needs a value above zero.
    pub acceptance_needs_value: bool,
    /// The creation of an opportunity enters the first stage of opportunities.
    pub creation_enters_first_stage: bool,
    /// Promise of speed.
    pub speed_to_lead: Option<WindowPromise>,
    /// Promise of work.
    pub leads_worked: Option<WindowPromise>,
    /// Promise of effort.
    pub attempts: Option<AttemptsPromise>,
    /// Working hours by position; the first is the default.
    pub calendars: Vec<Calendar>,
    /// By user: position of the calendar.
    pub calendar_of: Vec<u16>,
    /// How the source of an opportunity is found.
    pub source_rule: SourceRule,
    /// Window of that rule in local days.
    pub source_window_days: i32,
    /// Influence window in local days.
    pub influence_window_days: i32,
    /// Influence reaches to the close.
    pub influence_through_close: bool,
    /// Whose touches form a path.
    pub people: People,
    /// Look-back in local days.
    pub lookback_days: i32,
    /// Half-life in days.
    pub half_life_days: f64,
    /// Repeats within so many minutes are one touch.
    pub collapse_minutes: i64,
    /// Years that make an account installed base.
    pub installed_base_years: i32,
}

impl Terms {
    /// What a stage value means, if anything.
    pub(crate) fn means(&self, value: u32) -> Option<StageMeaning> {
        self.meaning.get(value as usize).copied().flatten()
    }
}

/// What the fold needs beside the timeline.
#[derive(Debug, Clone)]
pub struct Context {
    /// The as-of instant T: local midnight after the as-of date (S1).
    pub as_of: Micros,
    /// Reporting zone.
    pub zone: Zone,
    /// Reporting currency.
    pub currency: Currency,
    /// Exchange rates.
    pub fx: FxTable,
    /// Versions in order of effect, never empty.
    pub terms: Vec<Terms>,
}

impl Context {
    /// The terms in force at an instant; the first ones also serve earlier times.
    pub fn at(&self, at: Micros) -> &Terms {
        match self.terms.iter().rposition(|t| t.from <= at) {
            Some(i) => &self.terms[i],
            None => &self.terms[0],
        }
    }

    /// The terms in force at the as-of instant: stages are counted in these.
    pub fn now(&self) -> &Terms {
        self.at(Micros(self.as_of.0 - 1))
    }

    /// Converts to the reporting currency at the rate of a local day; none when no rate is known.
    pub(crate) fn money(&self, minor: i64, currency: Currency, at: Micros) -> Option<i64> {
        if currency == self.currency {
            return Some(minor);
        }
        self.fx.convert(minor, currency, self.currency, self.zone.local_day(at)).ok()
    }
}

/// Where a subject stands on its way through the stages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Track {
    /// First explicit entry by rank; the last place is the win.
    pub explicit: [Option<Micros>; MAX_STAGES + 1],
    /// Local days: sum of finished episodes by rank.
    pub dwell: [i32; MAX_STAGES],
    /// Moves back by rank moved into.
    pub regressions: [u16; MAX_STAGES],
    /// Ranks whose way in was overridden.
    pub overridden: u32,
    /// Current stage and its entry, unless ended.
    pub current: Option<(u8, Micros)>,
    /// Last stage before the end.
    pub last: u8,
    /// Highest rank.
    pub top: Option<u8>,
}

impl Track {
    pub(crate) const fn new() -> Self {
        Self {
            explicit: [None; MAX_STAGES + 1],
            dwell: [0; MAX_STAGES],
            regressions: [0; MAX_STAGES],
            overridden: 0,
            current: None,
            last: 0,
            top: None,
        }
    }

    /// Enters a stage. A move to a lower stage than the last one is a move back, also after an exit
    /// that was cancelled; the time between such an exit and the return is in no episode.
    pub(crate) fn enter(&mut self, rank: u8, at: Micros, overridden: bool, zone: &Zone) {
        let i = rank as usize;
        if let Some((now, _)) = self.current
            && now == rank
        {
            return;
        }
        self.leave(at, zone);
        if self.top.is_some() && self.last > rank {
            self.regressions[i] = self.regressions[i].saturating_add(1);
        }
        self.reach(rank, at);
        if overridden {
            self.overridden |= 1 << rank;
        }
        self.current = Some((rank, at));
        self.last = rank;
    }

    /// Notes a rank as reached without being in it.
    pub(crate) fn reach(&mut self, rank: u8, at: Micros) {
        let slot = &mut self.explicit[rank as usize];
        if slot.is_none_or(|earlier| at < earlier) {
            *slot = Some(at);
        }
        self.top = Some(self.top.map_or(rank, |top| top.max(rank)));
    }

    /// Ends the current episode; one that ends before it began (bad data) lasts no day.
    pub(crate) fn leave(&mut self, at: Micros, zone: &Zone) {
        if let Some((rank, since)) = self.current.take() {
            self.dwell[rank as usize] += zone.days_between(since, at.max(since));
            self.last = rank;
        }
    }
}

/// What the fold learns of an opportunity before it looks at leads.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub fact: OpportunityFact,
    pub track: Track,
    /// Place in the order of ids.
    pub order: u32,
    /// Position of the primary contact in the timeline, or `NONE`.
    pub primary: u32,
    /// End without a win: lost or recycled.
    pub ended_at: Option<Micros>,
    /// Its amount is above zero, in whatever currency: a win is a paid purchase.
    pub paid: bool,
}

impl Outcome {
    /// The win, or the end without one.
    pub(crate) fn closed_at(&self) -> Option<Micros> {
        self.fact.won_at.or(self.ended_at)
    }
}

/// Space that the fold reuses.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) outcomes: Vec<Outcome>,
    /// Purchases and wins of the account in order of time.
    pub(crate) purchases: Vec<Micros>,
    /// Positions of opportunities by primary contact and creation.
    pub(crate) by_primary: Vec<u32>,
    /// What moves one person, in order.
    pub(crate) moves: Vec<lead::Move>,
    pub(crate) attempts: Vec<lead::Attempt>,
    pub(crate) path: path::Buffers,
}

/// Folds one account.
pub fn fold<S: Sink>(cx: &Context, t: &Timeline<'_>, scratch: &mut Scratch, sink: &mut S) {
    scratch.outcomes.clear();
    for o in t.opportunities {
        scratch.outcomes.push(opportunity::outcome(cx, t, o));
    }
    collect_purchases(cx, t, scratch);
    let Scratch { outcomes, purchases, by_primary, moves, attempts, path } = scratch;
    by_primary.clear();
    by_primary.extend((0..outcomes.len() as u32).filter(|i| outcomes[*i as usize].primary != NONE));
    by_primary.sort_unstable_by_key(|i| {
        let o = &outcomes[*i as usize];
        (o.primary, o.fact.created_at, o.order)
    });
    let mut from = 0;
    for (i, person) in t.people.iter().enumerate() {
        let i = i as u32;
        while from < by_primary.len() && outcomes[by_primary[from] as usize].primary < i {
            from += 1;
        }
        let mut to = from;
        while to < by_primary.len() && outcomes[by_primary[to] as usize].primary == i {
            to += 1;
        }
        if person.guest || person.created_at >= cx.as_of {
            continue;
        }
        lead::attempts(cx, t, person, &by_primary[from..to], outcomes, moves, attempts);
        handoff::handoffs(cx, t, person, attempts, sink);
        lead::emit(cx, t, person, attempts, purchases, sink);
        from = to;
    }
    path::opportunities(cx, t, outcomes, purchases, path, sink);
}

fn collect_purchases(cx: &Context, t: &Timeline<'_>, scratch: &mut Scratch) {
    scratch.purchases.clear();
    if !t.is_account {
        return;
    }
    scratch.purchases.extend(t.purchases.iter().map(|p| p.at).filter(|at| *at < cx.as_of));
    for (o, x) in scratch.outcomes.iter().zip(t.opportunities) {
        if !x.guest && o.paid && o.fact.created_at < cx.as_of {
            scratch.purchases.extend(o.fact.won_at);
        }
    }
    scratch.purchases.sort_unstable();
}

/// Purchase history at an instant: installed base when a purchase lies in `[at - years, at)`, where
/// the years are counted in local dates: a purchase of that day counts, whatever its hour (A14.1, A23).
pub(crate) fn base_at(cx: &Context, purchases: &[Micros], at: Micros) -> Base {
    let before = purchases.partition_point(|p| *p < at);
    match purchases[..before].last() {
        None => Base::NetNew,
        Some(last) => {
            let years_ago = cx.zone.minus_local_years(at, cx.at(at).installed_base_years);
            if cx.zone.local_day(*last) >= cx.zone.local_day(years_ago) { Base::Installed } else { Base::Lapsed }
        }
    }
}

/// Verdict of the gates between the stage a subject comes from and the one it enters (A15).
pub(crate) fn gate_verdict(terms: &Terms, from: u8, to: u8, criteria: Criteria) -> GateVerdict {
    let required = terms.gates.iter().take(to as usize).skip(from as usize).fold(0, |all, g| all | g.required);
    if required == 0 {
        GateVerdict::None
    } else if required & criteria.known & !criteria.met != 0 {
        GateVerdict::NoGo
    } else if required & !criteria.known != 0 {
        GateVerdict::Incomplete
    } else {
        GateVerdict::Go
    }
}

/// Elapsed microseconds and deadline of a window promise.
pub(crate) fn deadline(p: &WindowPromise, calendar: &Calendar, from: Micros) -> Option<Micros> {
    let length = p.within_minutes.checked_mul(60_000_000)?;
    match p.clock {
        ClockKind::Wall => from.0.checked_add(length).map(Micros),
        ClockKind::Business => calendar.deadline(from, length),
    }
}

/// Yields the stages that a track has reached. Gates are judged once, at the first entry, by all
/// that was passed over since the last explicit stage; those of opportunity stages are told of the
/// opportunity, not of its lead.
#[expect(clippy::too_many_arguments, reason = "a fact has that many parts")]
pub(crate) fn emit_visits<S: Sink>(
    cx: &Context,
    terms: &Terms,
    track: &Track,
    is_lead: bool,
    subject: u32,
    attempt: u16,
    started_at: Micros,
    floor: u8,
    criteria: Criteria,
    sink: &mut S,
) {
    let Some(top) = track.top else { return };
    let mut reached: [Option<Micros>; MAX_STAGES + 1] = [None; MAX_STAGES + 1];
    let mut earliest: Option<Micros> = None;
    for rank in (floor..=top).rev() {
        let explicit = track.explicit[rank as usize];
        earliest = match (earliest, explicit) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        reached[rank as usize] = earliest;
    }
    let mut came_from = floor;
    let mut previous: Option<Micros> = None;
    for rank in floor..=top {
        let Some(at) = reached[rank as usize] else { continue };
        let implied = track.explicit[rank as usize] != Some(at);
        let is_current = track.current.is_some_and(|(now, _)| now == rank);
        let open_days = match track.current {
            Some((now, since)) if now == rank => cx.zone.days_between(since, Micros(cx.as_of.0 - 1)),
            _ => 0,
        };
        let is_stage = (rank as usize) < terms.stages as usize;
        let gated = if is_lead { rank.min(terms.first_opportunity_stage) } else { rank };
        let gate = if implied || rank == floor { GateVerdict::None } else { gate_verdict(terms, came_from, gated, criteria) };
        sink.visit(&crate::facts::VisitFact {
            is_lead,
            subject,
            attempt,
            started_at,
            stage: rank,
            reached_at: at,
            implied,
            days_from_previous: if implied { None } else { previous.map(|p| cx.zone.days_between(p, at)) },
            dwell_days: (is_stage && track.explicit[rank as usize].is_some()).then(|| track.dwell[rank as usize] + open_days),
            is_current,
            regressions: if is_stage { track.regressions[rank as usize] } else { 0 },
            gate,
            overridden: track.overridden & (1 << rank) != 0,
        });
        if !implied {
            came_from = rank;
        }
        previous = if implied { None } else { Some(at) };
    }
}

pub(crate) fn is_over(status: Status) -> bool {
    matches!(status, Status::Won | Status::Lost | Status::Disqualified | Status::Recycled)
}
