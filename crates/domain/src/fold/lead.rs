//! Leads: the attempts of one person (S10).
//!
//! An attempt begins when the person is created, or when a person comes back after an exit. A
//! primary opportunity converts it. It ends when it is disqualified, parked with marketing, or when
//! its opportunity is lost or parked. What comes back within the grace of a lost or disqualified
//! exit cancels the exit; what comes back from marketing is always a new attempt.

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

/// What moves a lead, merged in order of time.
enum Move {
    Stage(StageMeaning, StageChange),
    Rejected,
    Passed,
    Opportunity(u32),
    OpportunityEnded(Status),
}

/// Follows a person through all attempts.
pub(super) fn attempts(
    cx: &Context,
    t: &Timeline<'_>,
    person: &Person,
    mine: &[u32],
    outcomes: &mut [Outcome],
    out: &mut Vec<Attempt>,
) {
    out.clear();
    out.push(new_attempt(person.id, 1, Origin::New, person.created_at));
    let terms = cx.now();
    let stages = cut(t.person_stages, &person.stages);
    let handoffs = cut(t.handoffs, &person.handoffs);
    let mut next = Next { stage: 0, passed: 0, created: 0, as_of: cx.as_of };
    if stages.first().is_none_or(|c| c.at > person.created_at) {
        out[0].track.enter(0, person.created_at, false, &cx.zone);
    }
    while let Some((at, what)) = next.take(stages, handoffs, mine, outcomes, terms) {
        step(cx, at, &what, person, mine, outcomes, out);
    }
    for a in out.iter_mut() {
        a.fact.stage = a.track.current.map_or(a.track.last, |(rank, _)| rank);
    }
}

/// Merges the four streams of a person by time; at one instant the order is: stage, hand-off,
/// decision, opportunity, end of an opportunity.
struct Next {
    stage: usize,
    passed: usize,
    created: usize,
    as_of: Micros,
}

impl Next {
    fn take(
        &mut self,
        stages: &[StageChange],
        handoffs: &[Handoff],
        mine: &[u32],
        outcomes: &[Outcome],
        terms: &super::Terms,
    ) -> Option<(Micros, Move)> {
        // Decisions and ends are few: they are looked up rather than kept in order.
        loop {
            let stage = stages.get(self.stage).map(|c| c.at);
            let handoff = self.handoff(handoffs);
            let opportunity = self.opportunity(mine, outcomes);
            let first = [stage.map(|at| (at, 0)), handoff.map(|h| (h.0, 1)), opportunity.map(|o| (o.0, 2))]
                .into_iter()
                .flatten()
                .min()?;
            if first.0 >= self.as_of {
                return None;
            }
            match first.1 {
                0 => {
                    let change = &stages[self.stage];
                    self.stage += 1;
                    if let Some(meaning) = terms.meaning.get(change.value as usize).copied().flatten() {
                        return Some((change.at, Move::Stage(meaning, *change)));
                    }
                }
                1 => {
                    self.passed += 1;
                    let (at, rejected) = handoff?;
                    return Some((at, if rejected { Move::Rejected } else { Move::Passed }));
                }
                _ => {
                    self.created += 1;
                    let (at, position, end) = opportunity?;
                    let what = end.map_or(Move::Opportunity(position), Move::OpportunityEnded);
                    return Some((at, what));
                }
            }
        }
    }

    /// The `n`-th event of the hand-offs: passing and rejecting, in order of time.
    fn handoff(&self, handoffs: &[Handoff]) -> Option<(Micros, bool)> {
        nth_smallest(self.passed, handoffs.iter().flat_map(|h| {
            let rejected = (h.decision == Decision::Rejected).then_some(h.decided_at).flatten();
            [Some((h.passed_at, false)), rejected.map(|at| (at.max(h.passed_at), true))].into_iter().flatten()
        }))
    }

    /// The `n`-th event of the opportunities: creation and end, in order of time.
    fn opportunity(&self, mine: &[u32], outcomes: &[Outcome]) -> Option<(Micros, u32, Option<Status>)> {
        nth_smallest(self.created, mine.iter().flat_map(|i| {
            let o = &outcomes[*i as usize];
            let end = o.ended_at.map(|at| (at.max(o.fact.created_at), *i, Some(o.fact.status)));
            [Some((o.fact.created_at, *i, None)), end].into_iter().flatten()
        }))
    }
}

/// The `n`-th smallest of a few values, without allocating.
fn nth_smallest<T: Ord + Copy>(n: usize, values: impl Iterator<Item = T> + Clone) -> Option<T> {
    match n {
        0 => values.min(),
        _ => values.clone().find(|v| {
            let below = values.clone().filter(|o| o < v).count();
            let same = values.clone().filter(|o| o == v).count();
            below <= n && n < below + same
        }),
    }
}

fn step(
    cx: &Context,
    at: Micros,
    what: &Move,
    person: &Person,
    mine: &[u32],
    outcomes: &mut [Outcome],
    out: &mut Vec<Attempt>,
) {
    let zone = &cx.zone;
    match what {
        Move::Stage(StageMeaning::Stage(rank), change) => {
            let a = reenter(cx, at, person, out);
            if a.fact.opportunities == 0 {
                a.track.enter(*rank, at, change.overridden, zone);
            } else if *rank < cx.now().first_opportunity_stage {
                a.track.reach(*rank, at); // the opportunity moves the lead now; a late person stage is only noted
            }
        }
        Move::Stage(StageMeaning::Recycled, _) => end(out, at, Status::Recycled, zone),
        Move::Stage(StageMeaning::Disqualified | StageMeaning::Lost, change) => {
            end(out, at, Status::Disqualified, zone);
            if let Some(a) = out.last_mut()
                && a.fact.ended_at == Some(at)
            {
                a.fact.exempt = change.exempt;
            }
        }
        // A person's own win is the win of an opportunity; it is told there.
        Move::Stage(StageMeaning::Won, _) => {}
        Move::Passed => {
            if let Some(a) = out.last_mut()
                && a.fact.status == Status::Returned
            {
                a.fact.status = Status::Open;
            }
        }
        Move::Rejected => {
            if let Some(a) = out.last_mut()
                && a.fact.status == Status::Open
            {
                a.fact.status = Status::Returned;
            }
        }
        Move::Opportunity(position) => {
            let fact = &outcomes[*position as usize].fact;
            if fact.created_at < person.created_at {
                return; // created before its lead: it ends no attempt (bad data, flagged on the opportunity)
            }
            let a = reenter(cx, at, person, out);
            let attempt = a.fact.attempt;
            convert(cx, a, &outcomes[*position as usize]);
            let fact = &mut outcomes[*position as usize].fact;
            fact.person = person.id;
            fact.attempt = attempt;
        }
        Move::OpportunityEnded(status) => {
            let Some(a) = out.last_mut() else { return };
            // The attempt ends with its opportunities: not while another one is open or won.
            let alive = mine.iter().map(|i| &outcomes[*i as usize]).any(|o| {
                o.fact.attempt == a.fact.attempt && o.fact.created_at <= at && o.ended_at.is_none_or(|e| e > at)
            });
            if a.fact.status == Status::Converted && !alive {
                a.fact.status = *status;
                a.fact.ended_at = Some(at);
                a.track.leave(at, zone);
            }
        }
    }
}

/// The attempt that an event belongs to: the running one, the last one if its exit is cancelled, or a new one.
fn reenter<'a>(cx: &Context, at: Micros, person: &Person, out: &'a mut Vec<Attempt>) -> &'a mut Attempt {
    let last = out.len() - 1;
    let a = &mut out[last];
    let begins = match a.fact.status {
        Status::Recycled => true,
        Status::Lost | Status::Disqualified => {
            let days = a.fact.ended_at.map_or(0, |end| i64::from(cx.zone.days_between(end, at)));
            days > cx.at(at).reopen_grace_days
        }
        _ => false,
    };
    if begins {
        let number = a.fact.attempt.saturating_add(1);
        out.push(new_attempt(person.id, number, Origin::Recycled, at));
    } else if is_over(a.fact.status) && a.fact.status != Status::Won {
        a.fact.status = if a.fact.opportunities > 0 { Status::Converted } else { Status::Open };
        a.fact.ended_at = None;
        a.fact.exempt = false;
    }
    let last = out.len() - 1;
    &mut out[last]
}

fn end(out: &mut [Attempt], at: Micros, status: Status, zone: &crate::zone::Zone) {
    if let Some(a) = out.last_mut()
        && !is_over(a.fact.status)
    {
        a.fact.status = status;
        a.fact.ended_at = Some(at);
        a.track.leave(at, zone);
    }
}

fn convert(cx: &Context, a: &mut Attempt, o: &Outcome) {
    let f = &mut a.fact;
    f.opportunities += 1;
    if f.opportunities == 1 {
        f.converted_at = Some(o.fact.created_at);
        f.opportunity = o.fact.opportunity;
        // From here on the opportunity moves the lead.
        a.track.leave(o.fact.created_at, &cx.zone);
        for rank in 0..o.track.explicit.len() {
            if let Some(at) = o.track.explicit[rank] {
                a.track.reach(rank as u8, at);
            }
        }
        for rank in 0..o.track.dwell.len() {
            a.track.dwell[rank] += o.track.dwell[rank];
            a.track.regressions[rank] = a.track.regressions[rank].saturating_add(o.track.regressions[rank]);
        }
        a.track.overridden |= o.track.overridden;
        a.track.current = o.track.current;
        a.track.last = o.track.last;
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
