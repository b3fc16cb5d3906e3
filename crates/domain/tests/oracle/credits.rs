//! Deals: their source, influences and credits (A16, B).

use crate::World;
use crate::common::Deal;
use crate::deals::{History, Ways, overridden};
use treaty_domain::agreement::{People, SourceRule};
use treaty_domain::facts::{Collected, CreditFact, InfluenceFact, OpportunityFact, VisitFact};
use treaty_domain::timeline::{NONE, Touch};
use treaty_domain::zone::Micros;

/// People whose touches belong to a deal (B10).
fn members(w: &World<'_>, deal: &Deal, mode: People) -> Vec<u32> {
    let everyone = 0..w.story.people.len() as u32;
    let roles: Vec<u32> = deal.contacts.iter().map(|c| c.person).filter(|p| *p != NONE).collect();
    let account: Vec<u32> =
        everyone.filter(|p| w.story.is_account && !w.story.people[*p as usize].person.guest).collect();
    match mode {
        People::Roles => roles,
        People::Account => account,
        People::RolesElseAccount => if roles.is_empty() { account } else { roles },
    }
}

/// Touches of some people in a window, both ends included, in the order of S3.
fn touches(w: &World<'_>, people: &[u32], from: Micros, to: Micros) -> Vec<Touch> {
    let mut all = w.story.touches.clone();
    all.sort_by_key(|t| (t.at, t.row));
    all.retain(|t| t.at < w.as_of() && t.at >= from && t.at <= to && people.contains(&t.person));
    all
}

/// B11: whole units by exact shares, the rest to the largest fractions, ties to the earlier.
fn apportion(amount: i64, weights: &[i128]) -> Vec<i64> {
    let total: i128 = weights.iter().sum();
    let size = i128::from(amount).abs();
    let mut parts: Vec<i128> = weights.iter().map(|x| size * x / total).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| (-(size * weights[*i] % total), *i));
    let left = size - parts.iter().sum::<i128>();
    for i in order.into_iter().take(left as usize) {
        parts[i] += 1;
    }
    parts.into_iter().map(|p| i64::try_from(p).expect("fits") * amount.signum()).collect()
}

/// Weights of the touches of a path under each model (B2-B4).
fn weights(path: &[Touch], half_life_days: f64) -> [Vec<i128>; 6] {
    let n = path.len();
    let only = |chosen: usize| (0..n).map(|i| i128::from(i == chosen)).collect::<Vec<_>>();
    let non_direct = (0..n).rfind(|i| !path[*i].direct).unwrap_or(n - 1);
    let newest = path[n - 1].at;
    let decay = path
        .iter()
        .map(|t| {
            let days = (newest.0 - t.at.0) as f64;
            let half_lives = days / (half_life_days * 86_400_000_000.0);
            ((-half_lives).exp2() * 2f64.powi(53)).round() as i128
        })
        .collect();
    // of 20 (n - 2) parts: 40 % are 8 (n - 2) each, and 20 % are 4 for each in the middle
    let position = (0..n)
        .map(|i| match (n, i) {
            (1 | 2, _) => 1,
            (_, i) if i == 0 || i == n - 1 => 8 * (n as i128 - 2),
            _ => 4,
        })
        .collect();
    [only(0), only(n - 1), only(non_direct), vec![1; n], decay, position]
}

fn credits(w: &World<'_>, deal: &Deal, won_at: Micros, amount: i64) -> (u32, Vec<CreditFact>) {
    let terms = w.terms(won_at);
    let from = w.days_before(won_at, terms.lookback_days);
    let seen = touches(w, &members(w, deal, terms.people), from, won_at);
    let gap = terms.collapse_minutes * 60_000_000;
    let path: Vec<Touch> = (0..seen.len())
        .filter(|i| {
            let repeats = |j: usize| {
                seen[j].person == seen[*i].person
                    && seen[j].campaign == seen[*i].campaign
                    && seen[*i].at.0 - seen[j].at.0 < gap
            };
            seen[*i].campaign == NONE || !(0..*i).any(repeats)
        })
        .map(|i| seen[i])
        .collect();
    let opportunity = deal.deal.id;
    if path.is_empty() {
        let whole = CreditFact { opportunity, touch: NONE, person: NONE, campaign: NONE, credit: [amount; 6] };
        return (0, vec![whole]);
    }
    let shares = weights(&path, terms.half_life_days).map(|x| apportion(amount, &x));
    let facts = path.iter().enumerate().map(|(i, t)| CreditFact {
        opportunity,
        touch: t.row,
        person: w.story.people[t.person as usize].person.id,
        campaign: t.campaign,
        credit: std::array::from_fn(|model| shares[model][i]),
    });
    (path.len() as u32, facts.collect())
}

fn source(w: &World<'_>, deal: &Deal, h: &History) -> u32 {
    let created = deal.deal.created_at;
    let terms = w.terms(created);
    match terms.source_rule {
        SourceRule::CrmPrimaryCampaign => deal.deal.campaign,
        SourceRule::LeadCreatingTouch => w.story.people.get(h.primary as usize).map_or(NONE, |p| p.person.campaign),
        SourceRule::LastRespondedTouch => {
            let from = w.days_before(created, terms.source_window_days);
            let all = touches(w, &members(w, deal, terms.people), from, created);
            all.iter().rfind(|t| t.responded && t.campaign != NONE).map_or(NONE, |t| t.campaign)
        }
    }
}

fn influences(w: &World<'_>, deal: &Deal, h: &History) -> Vec<InfluenceFact> {
    let created = deal.deal.created_at;
    let terms = w.terms(created);
    let to = if terms.influence_through_close { h.won_at().or(h.lost_at()).unwrap_or(w.last()) } else { created };
    let all = touches(w, &members(w, deal, terms.people), w.days_before(created, terms.influence_window_days), to);
    let mut campaigns: Vec<u32> = all.iter().map(|t| t.campaign).filter(|c| *c != NONE).collect();
    campaigns.sort_unstable();
    campaigns.dedup();
    let touched = |campaign: u32| all.iter().filter(|t| t.campaign == campaign).count() as u32;
    let fact = |campaign| InfluenceFact { opportunity: deal.deal.id, campaign, touches: touched(campaign) };
    campaigns.into_iter().map(fact).collect()
}

/// All facts of one deal.
pub fn tell(
    w: &World<'_>,
    histories: &[History],
    i: usize,
    converted: &[(u32, u32, u16)],
    facts: &mut Collected,
) {
    let (deal, h, now) = (&w.story.deals[i], &histories[i], w.now());
    let d = &deal.deal;
    if d.counts {
        facts.influences.extend(influences(w, deal, h));
    }
    let (path_touches, credits) = match (h.won_at(), h.amount) {
        (Some(won_at), Some(amount)) => credits(w, deal, won_at, amount),
        _ => (0, Vec::new()),
    };
    facts.credits.extend(credits);
    let ways = Ways {
        logs: vec![h.log.clone()],
        until: vec![w.last()],
        entries: h.entries(now.stages),
        overridden: overridden(h, now.stages),
        current: h.current(),
    };
    let first = now.first_opportunity_stage;
    let model = VisitFact {
        is_lead: false,
        subject: d.id,
        attempt: 0,
        started_at: d.created_at,
        stage: 0,
        reached_at: d.created_at,
        implied: false,
        days_from_previous: None,
        dwell_days: None,
        is_current: false,
        regressions: 0,
        gate: treaty_domain::facts::GateVerdict::None,
        overridden: false,
    };
    facts.visits.extend(ways.visits(w, first, d.criteria, &model));
    let close = h.won_at().or(h.lost_at());
    let now_owner = (d.owner != NONE).then_some(d.owner);
    let lead = converted.iter().find(|(deal, ..)| *deal == i as u32);
    facts.opportunities.push(OpportunityFact {
        opportunity: d.id,
        status: h.status(),
        top: ways.top().unwrap_or(first),
        stage: h.last_stage(first),
        created_at: d.created_at,
        amount: h.amount,
        rate_missing: h.raw.is_some() && h.amount.is_none(),
        owner: crate::value_then(&deal.owner_changes, now_owner, close.unwrap_or(w.last())).unwrap_or(NONE),
        person: lead.map_or(NONE, |l| l.1),
        attempt: lead.map_or(0, |l| l.2),
        won_at: h.won_at(),
        lost_at: h.lost_at(),
        recycled_at: h.recycled_at(),
        age_days: w.days(d.created_at, close.unwrap_or(w.last())),
        reopened: h.reopened,
        source_campaign: source(w, deal, h),
        counts: d.counts,
        contacts: deal.contacts.len() as u32,
        path_touches,
        base: w.base(histories, d.created_at),
        pipeline_at: pipeline_at(w, deal, h),
    });
}

/// A14.4: first reach of a stage that is forecastable, or of the win, with an amount.
/// A deal that no stage change ever moved stands in the first stage since its creation.
pub fn pipeline_at(w: &World<'_>, deal: &Deal, h: &History) -> Option<Micros> {
    let now = w.now();
    h.raw?;
    let mut entries = h.entries(now.stages);
    if entries.is_empty() {
        entries.push((now.first_opportunity_stage, deal.deal.created_at));
    }
    let reach = |rank: u8| entries.iter().filter(|(r, _)| *r >= rank).map(|(_, at)| *at).min();
    let ranks = (0..now.stages).filter(|r| now.forecastable[*r as usize]).chain([now.stages]);
    ranks.filter_map(reach).min()
}
