//! Leads: the attempts of one person (S10).
//!
//! An attempt begins when the person is created, or when a person comes back after an exit: enters
//! a stage again, or is the primary contact of a new opportunity. A primary opportunity converts
//! it. It ends when it is disqualified, parked with marketing, or when its last opportunity is won,
//! lost or parked. What comes back within the grace of a lost or disqualified exit cancels the exit;
//! what comes back from marketing is always a new attempt. A win is never taken back here: within
//! the grace what follows belongs to the attempt that won, later it is a new one.
//!
//! Creation enters the first stage unless a stage change at or before it says otherwise. What is
//! dated before creation happens to the first attempt; an exit of then counts at creation. An exit of
//! the person while an opportunity is open ends the attempt, but a win that is known overrules it.
//! A rejected hand-off returns a lead that is open and of the attempt that was passed, until it is
//! passed again. An exit that is cancelled after conversion leaves the lead converted. Effort is
//! counted to the exit, the instant of the exit included.

use super::handoff::decided;
use super::{Context, Outcome, Track, base_at, emit_visits, is_over};
use crate::agreement::StageMeaning;
use crate::facts::{LeadFact, Origin, Sink, Status};
use crate::timeline::{Decision, Handoff, NONE, Person, StageChange, Timeline, cut, value_at};
use crate::zone::Micros;

/// An attempt while it is followed.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub fact: LeadFact,
    pub track: Track,
}

fn new_attempt(person: u32, attempt: u16, origin: Origin, at: Micros) -> Attempt {
    Attempt {
        fact: LeadFact {
            person,
            attempt,
            origin,
            started_at: at,
            status: Status::Open,
            top: 0,
            stage: 0,
            owner: NONE,
            passed_at: None,
            decided: false,
            accepted_at: None,
            accepted_value: None,
            converted_at: None,
            opportunity: NONE,
            opportunities: 0,
            pipeline_at: None,
            won_at: None,
            won_amount: 0,
            ended_at: None,
            exempt: false,
            activities: 0,
            attempts: 0,
            last_activity_at: None,
            base: crate::facts::Base::NetNew,
            counts_as_name: false,
        },
        track: Track::new(),
    }
}

/// What moves a lead; at one instant in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Stage,
    Passed,
    Rejected,
    Created,
    Ended,
}

/// Something that moves a lead. The order is that of time, kind and place, so that it does not
/// depend on how the input is arranged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Move {
    at: Micros,
    kind: Kind,
    /// Place of a stage change or hand-off; of an opportunity in the order of ids.
    number: u32,
    /// Position of the opportunity.
    position: u32,
}

/// Follows a person through all attempts.
pub(super) fn attempts(
    cx: &Context,
    t: &Timeline<'_>,
    person: &Person,
    mine: &[u32],
    outcomes: &mut [Outcome],
    moves: &mut Vec<Move>,
    out: &mut Vec<Attempt>,
) {
    out.clear();
    out.push(new_attempt(person.id, 1, Origin::New, person.created_at));
    let terms = cx.now();
    let stages = cut(t.person_stages, &person.stages);
    let handoffs = cut(t.handoffs, &person.handoffs);
    let is_stage = |c: &StageChange| matches!(terms.means(c.value), Some(StageMeaning::Stage(_)));
    let early = stages.partition_point(|c| c.at < person.created_at);
    let at_once = stages[early..].iter().take_while(|c| c.at == person.created_at);
    let told = stages[..early].iter().any(is_stage)
        || at_once.into_iter().find(|c| terms.means(c.value).is_some()).is_some_and(is_stage);
    if !told {
        out[0].track.enter(0, person.created_at, false, &cx.zone);
    }
    collect(cx, person, stages, handoffs, mine, outcomes, moves);
    for m in moves.iter() {
        step(cx, m, person, stages, handoffs, mine, outcomes, out);
    }
    for a in out.iter_mut() {
        settle(cx, a, mine, outcomes);
        a.fact.stage = a.track.current.map_or(a.track.last, |(rank, _)| rank);
    }
}

/// Gathers what moves a person before the as-of instant, in order.
fn collect(
    cx: &Context,
    person: &Person,
    stages: &[StageChange],
    handoffs: &[Handoff],
    mine: &[u32],
    outcomes: &[Outcome],
    moves: &mut Vec<Move>,
) {
    moves.clear();
    let mut add = |at: Micros, kind, number, position| {
        if at < cx.as_of {
            moves.push(Move { at, kind, number, position });
        }
    };
    let terms = cx.now();
    let is_stage = |c: &StageChange| matches!(terms.means(c.value), Some(StageMeaning::Stage(_)));
    for (i, c) in stages.iter().enumerate() {
        let mut at = c.at;
        if at < person.created_at && !is_stage(c) {
            // An exit before creation (bad data) is overtaken by a later stage, or counts at creation.
            if stages[i..].iter().take_while(|n| n.at <= person.created_at).any(is_stage) {
                continue;
            }
            at = person.created_at;
        }
        add(at, Kind::Stage, i as u32, NONE);
    }
    for (i, h) in handoffs.iter().enumerate() {
        add(h.passed_at, Kind::Passed, i as u32, NONE);
        if let (Decision::Rejected, Some(at)) = decided(cx, h) {
            add(at.max(h.passed_at), Kind::Rejected, i as u32, NONE);
        }
    }
    for i in mine {
        let o = &outcomes[*i as usize];
        add(o.fact.created_at, Kind::Created, o.order, *i);
        if let Some(at) = o.ended_at {
            add(at.max(o.fact.created_at), Kind::Ended, o.order, *i);
        }
    }
    moves.sort_unstable();
}

#[expect(clippy::too_many_arguments, reason = "a move needs all that it may concern")]
fn step(
    cx: &Context,
    m: &Move,
    person: &Person,
    stages: &[StageChange],
    handoffs: &[Handoff],
    mine: &[u32],
    outcomes: &mut [Outcome],
    out: &mut Vec<Attempt>,
) {
    let at = m.at;
    match m.kind {
        Kind::Stage => {
            let change = &stages[m.number as usize];
            match cx.now().means(change.value) {
                Some(StageMeaning::Stage(rank)) => {
                    let a = reenter(cx, at, person, mine, outcomes, out);
                    // Once there is an opportunity, it moves the lead; a late person stage only
                    // says that the lead is back.
                    if a.fact.opportunities == 0 {
                        a.track.enter(rank, at, change.overridden, &cx.zone);
                    }
                }
                Some(StageMeaning::Recycled) => end(cx, out, at, Status::Recycled, false),
                Some(StageMeaning::Disqualified | StageMeaning::Lost) => {
                    end(cx, out, at, Status::Disqualified, change.exempt);
                }
                // A person's own win is the win of an opportunity; it is told there.
                Some(StageMeaning::Won) | None => {}
            }
        }
        Kind::Passed => {
            if let Some(a) = out.last_mut()
                && a.fact.status == Status::Returned
            {
                a.fact.status = Status::Open;
            }
        }
        Kind::Rejected => {
            if let Some(a) = out.last_mut()
                && a.fact.status == Status::Open
                && (a.fact.attempt == 1 || handoffs[m.number as usize].passed_at >= a.fact.started_at)
            {
                a.fact.status = Status::Returned;
            }
        }
        Kind::Created => {
            if at < person.created_at {
                return; // created before its lead: it converts none (bad data), and names no person
            }
            let a = reenter(cx, at, person, mine, outcomes, out);
            let o = &mut outcomes[m.position as usize];
            convert(cx, a, o);
            o.fact.person = person.id;
            o.fact.attempt = a.fact.attempt;
        }
        Kind::Ended => {
            let Some(a) = out.last_mut() else { return };
            let o = &outcomes[m.position as usize].fact;
            if a.fact.status != Status::Converted || o.attempt != a.fact.attempt {
                return;
            }
            // The attempt ends with its opportunities: not while another one is open or won.
            let alive = mine.iter().map(|i| &outcomes[*i as usize]).any(|o| {
                o.fact.attempt == a.fact.attempt && o.fact.created_at <= at && o.ended_at.is_none_or(|e| e > at)
            });
            if !alive {
                a.fact.status = o.status;
                a.fact.ended_at = Some(at);
            }
        }
    }
}

/// The attempt that an event belongs to: the running one, the last one if its exit is cancelled, or a new one.
fn reenter<'a>(
    cx: &Context,
    at: Micros,
    person: &Person,
    mine: &[u32],
    outcomes: &[Outcome],
    out: &'a mut Vec<Attempt>,
) -> &'a mut Attempt {
    let last = out.len() - 1;
    let a = &mut out[last];
    let past_grace =
        |exit: Micros| i64::from(cx.zone.days_between(exit, at)) > cx.at(at).reopen_grace_days;
    let begins = match a.fact.status {
        Status::Recycled => true,
        Status::Lost | Status::Disqualified => a.fact.ended_at.is_some_and(past_grace),
        Status::Won => closed_since(a, mine, outcomes, at).is_some_and(past_grace),
        Status::Open | Status::Returned | Status::Converted => false,
    };
    if begins {
        let number = a.fact.attempt.saturating_add(1);
        out.push(new_attempt(person.id, number, Origin::Recycled, at));
    } else if matches!(a.fact.status, Status::Lost | Status::Disqualified) {
        a.fact.status = if a.fact.opportunities > 0 { Status::Converted } else { Status::Open };
        a.fact.ended_at = None;
        a.fact.exempt = false;
    }
    let last = out.len() - 1;
    &mut out[last]
}

/// Last close of the opportunities of an attempt, when all of them are closed at an instant.
fn closed_since(a: &Attempt, mine: &[u32], outcomes: &[Outcome], at: Micros) -> Option<Micros> {
    let mut last = None;
    for o in mine.iter().map(|i| &outcomes[*i as usize]).filter(|o| o.fact.attempt == a.fact.attempt) {
        let closed = o.closed_at().filter(|closed| *closed <= at)?;
        last = last.max(Some(closed));
    }
    last
}

/// Ends the running attempt; an attempt that is over, or won, stays as it is.
fn end(cx: &Context, out: &mut [Attempt], at: Micros, status: Status, exempt: bool) {
    if let Some(a) = out.last_mut()
        && !is_over(a.fact.status)
    {
        a.fact.status = status;
        a.fact.ended_at = Some(at);
        a.fact.exempt = exempt;
        a.track.leave(at, &cx.zone);
    }
}

/// Notes an opportunity on its attempt. A win that is known wins, whatever else is said of the lead.
fn convert(cx: &Context, a: &mut Attempt, o: &Outcome) {
    let f = &mut a.fact;
    f.opportunities += 1;
    if f.opportunities == 1 {
        f.converted_at = Some(o.fact.created_at);
        f.opportunity = o.fact.opportunity;
        a.track.leave(o.fact.created_at, &cx.zone);
    }
    if f.status != Status::Won {
        f.status = Status::Converted;
    }
    f.pipeline_at = min_some(f.pipeline_at, o.fact.pipeline_at);
    f.won_at = min_some(f.won_at, o.fact.won_at);
    if o.fact.won_at.is_some() {
        f.won_amount = f.won_amount.saturating_add(o.fact.amount.unwrap_or(0));
        f.status = Status::Won;
        f.ended_at = None;
    }
}

/// Adds the ways of its opportunities to that of an attempt: first entries, episodes and moves
/// back. The lead stands where its first open opportunity stands; when none is open, where the one
/// that closed last stood.
fn settle(cx: &Context, a: &mut Attempt, mine: &[u32], outcomes: &[Outcome]) {
    let stop = match a.fact.status {
        Status::Won | Status::Converted => None,
        _ => a.fact.ended_at,
    };
    let mut closed = None;
    for o in mine.iter().map(|i| &outcomes[*i as usize]).filter(|o| o.fact.attempt == a.fact.attempt) {
        for (rank, at) in o.track.explicit.iter().enumerate() {
            if let Some(at) = at {
                a.track.reach(rank as u8, *at);
            }
        }
        for rank in 0..o.track.dwell.len() {
            a.track.dwell[rank] += o.track.dwell[rank];
            a.track.regressions[rank] = a.track.regressions[rank].saturating_add(o.track.regressions[rank]);
        }
        a.track.overridden |= o.track.overridden;
        if let Some((rank, since)) = o.track.current {
            if stop.is_none() && a.track.current.is_none() {
                a.track.current = o.track.current;
            } else {
                let until = stop.unwrap_or(Micros(cx.as_of.0 - 1)).max(since);
                a.track.dwell[rank as usize] += cx.zone.days_between(since, until);
            }
        }
        let since = o.closed_at().unwrap_or(Micros(i64::MAX));
        if closed.is_none_or(|latest| latest <= since) {
            closed = Some(since);
            a.track.last = o.track.current.map_or(o.track.last, |(rank, _)| rank);
        }
    }
}

fn min_some(a: Option<Micros>, b: Option<Micros>) -> Option<Micros> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// Yields the attempts of a person and the stages they reached.
pub(super) fn emit<S: Sink>(
    cx: &Context,
    t: &Timeline<'_>,
    person: &Person,
    attempts: &[Attempt],
    purchases: &[Micros],
    sink: &mut S,
) {
    let terms = cx.now();
    for a in attempts {
        let mut fact = a.fact.clone();
        fact.top = a.track.top.unwrap_or(0);
        fact.base = base_at(cx, purchases, fact.started_at);
        fact.owner = owner_at(t, person, Micros(cx.as_of.0 - 1));
        fact.counts_as_name = person.lead_generation;
        sink.lead(&fact);
        emit_visits(cx, terms, &a.track, true, person.id, fact.attempt, fact.started_at, 0, person.criteria, sink);
    }
}

/// Owner of a person at an instant (S8).
pub(super) fn owner_at(t: &Timeline<'_>, person: &Person, at: Micros) -> u32 {
    value_at(cut(t.owner_changes, &person.owner_changes), (person.owner != NONE).then_some(person.owner), at)
        .unwrap_or(NONE)
}
