//! Hand-offs: what sales decided, how fast the lead was worked, and with how much effort (A4-A6, A17).

use super::lead::{Attempt, owner_at};
use super::{Context, Terms, deadline, is_over};
use crate::agreement::WindowPromise;
use crate::facts::{ClockFact, HandoffFact, Sink, Status};
use crate::timeline::{Activity, Decision, Handoff, Person, Timeline, cut};
use crate::zone::Micros;

const MINUTE: i64 = 60_000_000;

fn qualifies(cx: &Context, a: &Activity) -> bool {
    !a.automated && cx.at(a.at).qualifying.get(a.kind as usize).copied().unwrap_or(false)
}

/// Decision as it stood at the as-of instant. A decision without a time counts from passing on.
pub(super) fn decided(cx: &Context, h: &Handoff) -> (Decision, Option<Micros>) {
    match h.decision {
        Decision::Pending => (Decision::Pending, None),
        d => {
            let at = h.decided_at.unwrap_or(h.passed_at);
            if at < cx.as_of { (d, Some(at)) } else { (Decision::Pending, None) }
        }
    }
}

/// Yields the hand-offs of a person and notes on its attempts what they mean for the lead.
pub(super) fn handoffs<S: Sink>(cx: &Context, t: &Timeline<'_>, person: &Person, attempts: &mut [Attempt], sink: &mut S) {
    let activities = cut(t.activities, &person.activities);
    for h in cut(t.handoffs, &person.handoffs).iter().take_while(|h| h.passed_at < cx.as_of) {
        let position = attempts.iter().rposition(|a| a.fact.started_at <= h.passed_at).unwrap_or(0);
        let begins = if position == 0 { Micros(i64::MIN) } else { attempts[position].fact.started_at };
        let ends = attempts.get(position + 1).map_or(cx.as_of, |next| next.fact.started_at.min(cx.as_of));
        let Some(attempt) = attempts.get_mut(position) else { continue };
        one(cx, t, person, h, activities, begins, ends, attempt, sink);
    }
    for i in 0..attempts.len() {
        let begins = if i == 0 { Micros(i64::MIN) } else { attempts[i].fact.started_at };
        let ends = attempts.get(i + 1).map_or(cx.as_of, |next| next.fact.started_at.min(cx.as_of));
        effort(cx, activities, begins, ends, &mut attempts[i]);
    }
}

#[expect(clippy::too_many_arguments, reason = "one hand-off needs all of its surroundings")]
fn one<S: Sink>(
    cx: &Context,
    t: &Timeline<'_>,
    person: &Person,
    h: &Handoff,
    activities: &[Activity],
    begins: Micros,
    ends: Micros,
    attempt: &mut Attempt,
    sink: &mut S,
) {
    let terms = cx.at(h.passed_at);
    let (decision, decided_at) = decided(cx, h);
    // The value is put on it with the decision: before, nothing is known of it (S1).
    let value = decided_at.and_then(|at| cx.money(h.value?, h.currency, at));
    let has_value = h.value.is_some_and(|v| v > 0);
    let value_missing = decision == Decision::Accepted && terms.acceptance_needs_value && !has_value;

    let mine = || activities.iter().filter(|a| a.at >= begins && a.at < ends && qualifies(cx, a));
    let worked_before = mine().any(|a| !a.inbound && a.at < h.passed_at);
    let first_outbound = mine().find(|a| !a.inbound && a.at >= h.passed_at).map(|a| a.at);
    let first_inbound = mine().find(|a| a.inbound && a.at >= h.passed_at).map(|a| a.at);
    let inbound_first = match (first_inbound, first_outbound) {
        (Some(i), Some(o)) => i < o,
        (Some(_), None) => true,
        _ => false,
    };
    let worked_at = if worked_before || inbound_first { Some(h.passed_at) } else { first_outbound };
    let converted = attempt.fact.converted_at.is_some_and(|at| at >= h.passed_at);

    let f = &mut attempt.fact;
    f.passed_at = Some(f.passed_at.map_or(h.passed_at, |p| p.min(h.passed_at)));
    f.decided |= decision != Decision::Pending;
    let earlier = f.accepted_at.is_none_or(|known| decided_at.is_some_and(|at| at < known));
    if decision == Decision::Accepted && !value_missing && earlier {
        f.accepted_at = decided_at;
        f.accepted_value = value;
    }
    let definition_met = terms.definition.and_then(|bit| {
        let mask = 1u64 << bit;
        (person.criteria.known & mask != 0).then_some(person.criteria.met & mask != 0)
    });
    sink.handoff(&HandoffFact {
        row: h.row,
        person: person.id,
        attempt: f.attempt,
        passed_at: h.passed_at,
        assigned_to: h.assigned_to,
        decision,
        decided_at,
        value_missing,
        value,
        definition_met,
        worked_at,
        worked_unlogged: worked_at.is_none() && converted,
        inbound_first,
        worked_before,
    });
    for (promise, name) in [(&terms.speed_to_lead, "speed_to_lead"), (&terms.leads_worked, "leads_worked")] {
        if let Some(p) = promise {
            sink.clock(&clock(cx, terms, t, person, h, p, name, worked_at));
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "one clock needs all of its surroundings")]
fn clock(
    cx: &Context,
    terms: &Terms,
    t: &Timeline<'_>,
    person: &Person,
    h: &Handoff,
    p: &WindowPromise,
    promise: &'static str,
    stopped_at: Option<Micros>,
) -> ClockFact {
    let position = terms.calendar_of.get(h.assigned_to as usize).copied().unwrap_or(0);
    let calendar = &terms.calendars[position as usize];
    let due_at = deadline(p, calendar, h.passed_at);
    let until = stopped_at.unwrap_or(cx.as_of);
    let owner_at_deadline = match due_at {
        // While the deadline lies ahead, whoever holds the lead as of now.
        Some(due) if !person.owner_changes.is_empty() => owner_at(t, person, due.min(Micros(cx.as_of.0 - 1))),
        _ => h.assigned_to,
    };
    ClockFact {
        handoff: h.row,
        promise,
        assigned_to: h.assigned_to,
        owner_at_deadline,
        started_at: h.passed_at,
        due_at,
        stopped_at,
        is_due: due_at.is_some_and(|due| due <= cx.as_of),
        met: matches!((stopped_at, due_at), (Some(s), Some(due)) if s <= due),
        wall: (until.0 - h.passed_at.0).max(0),
        business: calendar.elapsed(h.passed_at, until),
        calendar: position,
    }
}

/// Effort of an attempt: qualifying activities, and outbound attempts between hand-off and end.
/// Attempts within the same minute count once (A6).
fn effort(cx: &Context, activities: &[Activity], begins: Micros, ends: Micros, attempt: &mut Attempt) {
    let f = &mut attempt.fact;
    let from = f.passed_at.unwrap_or(begins);
    let to = match f.status {
        status if is_over(status) && status != Status::Won => f.ended_at.unwrap_or(ends),
        _ => ends,
    };
    let mut last_minute = i64::MIN;
    for a in activities.iter().filter(|a| a.at >= begins && a.at < ends) {
        if !qualifies(cx, a) {
            continue;
        }
        f.activities += 1;
        f.last_activity_at = Some(a.at);
        let minute = a.at.0.div_euclid(MINUTE);
        if !a.inbound && a.at >= from && a.at <= to && minute != last_minute {
            f.attempts += 1;
            last_minute = minute;
        }
    }
}
