//! Paths of touches: the source of an opportunity, its influences, and its credits (A16, B).

use super::{Context, Outcome, Terms, base_at, emit_visits};
use crate::agreement::{People, SourceRule};
use crate::attribution::{MODELS, Path, PathTouch};
use crate::facts::{CreditFact, InfluenceFact, Sink};
use crate::timeline::{NONE, Opportunity, Timeline, Touch, cut};
use crate::zone::Micros;
use treaty_stats::largest_remainder_into;

/// Space that paths reuse.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    members: Vec<bool>,
    path: Vec<u32>,
    kept: Vec<u32>,
    seen: Vec<PathTouch>,
    weights: Vec<u64>,
    credit: Vec<i64>,
    rest: treaty_stats::Scratch,
    by_model: [Vec<i64>; 6],
    campaigns: Vec<u32>,
}

/// Yields opportunities with their stages, influences and credits.
pub(super) fn opportunities<S: Sink>(
    cx: &Context,
    t: &Timeline<'_>,
    outcomes: &mut [Outcome],
    purchases: &[Micros],
    b: &mut Buffers,
    sink: &mut S,
) {
    let now = cx.now();
    for (o, outcome) in t.opportunities.iter().zip(outcomes.iter_mut()) {
        if o.guest || o.created_at >= cx.as_of {
            continue;
        }
        let everyone = members(cx.at(o.created_at).people, t, o, &mut b.members);
        outcome.fact.source_campaign = source(cx, t, o, outcome, everyone, &b.members);
        outcome.fact.base = base_at(cx, purchases, o.created_at);
        if o.counts {
            influence(cx, t, o, outcome, everyone, b, sink);
        }
        if let (Some(won_at), Some(amount)) = (outcome.fact.won_at, outcome.fact.amount) {
            let terms = cx.at(won_at);
            let everyone = members(terms.people, t, o, &mut b.members);
            outcome.fact.path_touches = credit(cx, terms, t, o, won_at, amount, everyone, b, sink);
        }
        let f = &outcome.fact;
        emit_visits(cx, now, &outcome.track, false, o.id, 0, o.created_at, now.first_opportunity_stage, o.criteria, sink);
        sink.opportunity(f);
    }
}

/// Marks whose touches belong to an opportunity (B10); true when it is everybody of the account.
fn members(people: People, t: &Timeline<'_>, o: &Opportunity, marks: &mut Vec<bool>) -> bool {
    let contacts = cut(t.contacts, &o.contacts);
    let by_roles = match people {
        People::Account => false,
        People::Roles => true,
        People::RolesElseAccount => contacts.iter().any(|c| c.person != NONE),
    };
    marks.clear();
    if !by_roles {
        let any_guest = t.people.iter().any(|p| p.guest);
        if t.is_account && !any_guest {
            return true;
        }
        marks.extend(t.people.iter().map(|p| t.is_account && !p.guest));
        return false;
    }
    marks.resize(t.people.len(), false);
    for c in contacts {
        if let Some(mark) = marks.get_mut(c.person as usize) {
            *mark = true;
        }
    }
    false
}

/// Touches in `[from, to]`, both included, by position.
fn window(touches: &[Touch], from: Micros, to: Micros) -> std::ops::Range<usize> {
    let start = touches.partition_point(|x| x.at < from);
    let end = start + touches[start..].partition_point(|x| x.at <= to);
    start..end
}

fn source(cx: &Context, t: &Timeline<'_>, o: &Opportunity, outcome: &Outcome, everyone: bool, marks: &[bool]) -> u32 {
    let terms = cx.at(o.created_at);
    match terms.source_rule {
        SourceRule::CrmPrimaryCampaign => o.campaign,
        SourceRule::LeadCreatingTouch => t.people.get(outcome.primary as usize).map_or(NONE, |p| p.campaign),
        SourceRule::LastRespondedTouch => {
            let from = cx.zone.minus_local_days(o.created_at, terms.source_window_days);
            let range = window(t.touches, from, o.created_at);
            t.touches[range]
                .iter()
                .rev()
                .find(|x| x.responded && x.campaign != NONE && (everyone || marks[x.person as usize]))
                .map_or(NONE, |x| x.campaign)
        }
    }
}

fn influence<S: Sink>(
    cx: &Context,
    t: &Timeline<'_>,
    o: &Opportunity,
    outcome: &Outcome,
    everyone: bool,
    b: &mut Buffers,
    sink: &mut S,
) {
    let terms = cx.at(o.created_at);
    let from = cx.zone.minus_local_days(o.created_at, terms.influence_window_days);
    let to = if terms.influence_through_close {
        outcome.fact.won_at.or(outcome.fact.lost_at).unwrap_or(Micros(cx.as_of.0 - 1))
    } else {
        o.created_at
    };
    b.campaigns.clear();
    b.campaigns.extend(
        t.touches[window(t.touches, from, to)]
            .iter()
            .filter(|x| x.campaign != NONE && (everyone || b.members[x.person as usize]))
            .map(|x| x.campaign),
    );
    b.campaigns.sort_unstable();
    for same in b.campaigns.chunk_by(|a, b| a == b) {
        sink.influence(&InfluenceFact { opportunity: o.id, campaign: same[0], touches: same.len() as u32 });
    }
}

#[expect(clippy::too_many_arguments, reason = "a path needs all of its surroundings")]
fn credit<S: Sink>(
    cx: &Context,
    terms: &Terms,
    t: &Timeline<'_>,
    o: &Opportunity,
    won_at: Micros,
    amount: i64,
    everyone: bool,
    b: &mut Buffers,
    sink: &mut S,
) -> u32 {
    let from = cx.zone.minus_local_days(won_at, terms.lookback_days);
    let range = window(t.touches, from, won_at);
    b.path.clear();
    b.path.extend((range.start as u32..range.end as u32).filter(|i| {
        let person = t.touches[*i as usize].person as usize;
        everyone || b.members[person]
    }));
    if terms.collapse_minutes > 0 {
        collapse(t.touches, &b.path, &mut b.kept, terms.collapse_minutes * 60_000_000);
        std::mem::swap(&mut b.path, &mut b.kept);
    }
    if b.path.is_empty() {
        sink.credit(&CreditFact { opportunity: o.id, touch: NONE, person: NONE, campaign: NONE, credit: [amount; 6] });
        return 0;
    }
    b.seen.clear();
    b.seen.extend(b.path.iter().map(|i| {
        let x = &t.touches[*i as usize];
        PathTouch { at: x.at, direct: x.direct }
    }));
    let path = Path { touches: &b.seen, converted_at: won_at, half_life_days: terms.half_life_days };
    for ((_, weights), out) in MODELS.iter().zip(b.by_model.iter_mut()) {
        b.weights.clear();
        weights(&path, &mut b.weights);
        largest_remainder_into(amount, &b.weights, &mut b.credit, &mut b.rest);
        out.clear();
        out.extend_from_slice(&b.credit);
    }
    for (k, i) in b.path.iter().enumerate() {
        let x = &t.touches[*i as usize];
        let mut credit = [0; 6];
        for (slot, by_model) in credit.iter_mut().zip(&b.by_model) {
            *slot = by_model[k];
        }
        let person = t.people[x.person as usize].id;
        sink.credit(&CreditFact { opportunity: o.id, touch: x.row, person, campaign: x.campaign, credit });
    }
    b.path.len() as u32
}

/// Leaves out a touch that repeats the campaign of the same person less than the gap after a kept or
/// left-out one: a session (B1). Touches before the look-back are not seen, and touches without a
/// campaign are never repeats.
fn collapse(touches: &[Touch], path: &[u32], kept: &mut Vec<u32>, gap: i64) {
    kept.clear();
    for (k, i) in path.iter().enumerate() {
        let x = &touches[*i as usize];
        let repeats = x.campaign != NONE
            && path[..k]
                .iter()
                .rev()
                .map(|j| &touches[*j as usize])
                .take_while(|y| x.at.0 - y.at.0 < gap)
                .any(|y| y.person == x.person && y.campaign == x.campaign);
        if !repeats {
            kept.push(*i);
        }
    }
}
