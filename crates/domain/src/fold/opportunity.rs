//! One opportunity: its stages, its end, its amount.

use super::{Context, Outcome, Track};
use crate::agreement::StageMeaning;
use crate::facts::{Base, OpportunityFact, Status};
use crate::timeline::{NONE, Opportunity, Timeline, cut, value_at};
use crate::zone::Micros;

/// Position of the primary contact, or of the only one.
fn primary(t: &Timeline<'_>, o: &Opportunity) -> u32 {
    let contacts = cut(t.contacts, &o.contacts);
    match contacts.iter().find(|c| c.is_primary) {
        Some(c) => c.person,
        None => match contacts {
            [only] => only.person,
            _ => NONE,
        },
    }
}

/// Follows an opportunity to the as-of instant.
///
/// Creation enters the first stage of opportunities, if so agreed, unless a stage change at or before
/// it says otherwise. Without any grace a win or a loss is final, but for a win after a loss. A win stands, whatever else is said later, unless the opportunity comes back to a
/// stage within the grace; a loss or a parked state is taken back by any later stage or win, since an
/// opportunity has no attempts: the exit of its lead is taken back with it. The amount is converted once: at the win when won, at the
/// loss when lost, else at the as-of date (S6).
pub(super) fn outcome(cx: &Context, t: &Timeline<'_>, o: &Opportunity) -> Outcome {
    let terms = cx.now();
    let zone = &cx.zone;
    let mut track = Track::new();
    let changes = cut(t.opportunity_stages, &o.stages);
    let known = o.created_at < cx.as_of;
    track.last = terms.first_opportunity_stage;
    let told = changes
        .iter()
        .take_while(|c| c.at <= o.created_at)
        .any(|c| matches!(terms.means(c.value), Some(StageMeaning::Stage(_) | StageMeaning::Won)));
    if known && !told && cx.at(o.created_at).creation_enters_first_stage {
        track.enter(terms.first_opportunity_stage, o.created_at, false, zone);
    }
    let (mut won_at, mut lost_at, mut recycled_at) = (None::<Micros>, None::<Micros>, None::<Micros>);
    let mut status = Status::Open;
    let mut reopened = 0u16;
    for change in changes.iter().take_while(|c| known && c.at < cx.as_of) {
        let Some(meaning) = terms.means(change.value) else { continue };
        match meaning {
            StageMeaning::Stage(rank) => {
                let grace = cx.at(change.at).reopen_grace_days;
                if grace == 0 && matches!(status, Status::Won | Status::Lost) {
                    continue; // exits are final
                }
                if status == Status::Won {
                    let in_grace = won_at.is_some_and(|w| i64::from(zone.days_between(w, change.at)) <= grace);
                    if !in_grace {
                        continue;
                    }
                    won_at = None;
                    track.explicit[terms.stages as usize] = None;
                    track.overridden &= !(1 << terms.stages);
                    track.top = (0..terms.stages).rev().find(|r| track.explicit[*r as usize].is_some());
                }
                if status != Status::Open {
                    reopened = reopened.saturating_add(1);
                    status = Status::Open;
                    lost_at = None;
                    recycled_at = None;
                }
                track.enter(rank, change.at, change.overridden, zone);
            }
            StageMeaning::Won if status == Status::Won => {}
            StageMeaning::Won => {
                won_at = Some(change.at);
                lost_at = None;
                recycled_at = None;
                status = Status::Won;
                track.leave(change.at, zone);
                track.reach(terms.stages, change.at);
                if change.overridden {
                    track.overridden |= 1 << terms.stages;
                }
            }
            StageMeaning::Lost | StageMeaning::Disqualified => {
                if status != Status::Won && lost_at.is_none() {
                    status = Status::Lost;
                    lost_at = Some(change.at);
                    track.leave(change.at, zone);
                }
            }
            StageMeaning::Recycled => {
                if status == Status::Open {
                    status = Status::Recycled;
                    recycled_at = Some(change.at);
                    track.leave(change.at, zone);
                }
            }
        }
    }
    let last_instant = Micros(cx.as_of.0 - 1);
    let closed_at = won_at.or(lost_at);
    let raw = value_at(cut(t.amount_changes, &o.amount_changes), o.amount, last_instant);
    let amount = raw.and_then(|minor| cx.money(minor, o.currency, closed_at.unwrap_or(last_instant)));
    // Reached as a cohort reaches it (S10): a forecastable stage that was skipped counts, too.
    let forecastable = terms.forecastable.iter().position(|f| *f).unwrap_or(terms.stages as usize);
    let reached = track.explicit.iter().skip(forecastable).flatten().min().copied();
    // Without any stage change an opportunity stands in the first stage since its creation.
    let stands = (track.top.is_none() && forecastable <= usize::from(terms.first_opportunity_stage)).then_some(o.created_at);
    let pipeline_at = raw.and_then(|_| reached.or(stands));
    let fact = OpportunityFact {
        opportunity: o.id,
        status,
        top: track.top.unwrap_or(terms.first_opportunity_stage),
        stage: track.current.map_or(track.last, |(rank, _)| rank),
        created_at: o.created_at,
        amount,
        rate_missing: raw.is_some() && amount.is_none(),
        owner: value_at(
            cut(t.owner_changes, &o.owner_changes),
            (o.owner != NONE).then_some(o.owner),
            closed_at.unwrap_or(last_instant),
        )
        .unwrap_or(NONE),
        person: NONE,
        attempt: 0,
        won_at,
        lost_at,
        recycled_at,
        age_days: zone.days_between(o.created_at, closed_at.unwrap_or(last_instant)),
        reopened,
        source_campaign: NONE,
        counts: o.counts,
        contacts: o.contacts.end - o.contacts.start,
        path_touches: 0,
        base: Base::NetNew,
        pipeline_at,
    };
    let primary = if known { primary(t, o) } else { NONE };
    Outcome { fact, track, order: o.order, primary, ended_at: lost_at.or(recycled_at), paid: raw.is_some_and(|minor| minor > 0) }
}
