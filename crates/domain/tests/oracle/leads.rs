//! Leads: attempts of a person (S10), hand-offs and clocks (A4-A6, A17, S4, S8).

use crate::common::Teller;
use crate::credits::pipeline_at;
use crate::deals::{History, Line, Ways, overridden};
use crate::{World, value_then};
use std::collections::BTreeSet;
use treaty_domain::agreement::{ClockKind, StageMeaning, WindowPromise};
use treaty_domain::facts::{
    ClockFact, Collected, GateVerdict, HandoffFact, LeadFact, Origin, Status, VisitFact,
};
use treaty_domain::timeline::{Activity, Decision, Handoff, NONE};
use treaty_domain::zone::Micros;

/// Something that happened to a lead.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Stage(u8, bool),
    /// The person is disqualified or parked; for a reason that is exempt.
    Exit(Status, bool),
    Passed,
    /// A hand-off that was passed then is rejected.
    Rejected(Micros),
    /// The deal at this position is created.
    Created(usize),
    Ended(usize),
}

impl Event {
    /// Order at one instant: stages, passing, rejections, new deals, ends of deals.
    fn class(self) -> u8 {
        match self {
            Event::Stage(..) | Event::Exit(..) => 0,
            Event::Passed => 1,
            Event::Rejected(_) => 2,
            Event::Created(_) => 3,
            Event::Ended(_) => 4,
        }
    }

    /// A sign that the person is there.
    fn comes_back(self) -> bool {
        matches!(self, Event::Stage(..) | Event::Created(_))
    }
}

type Events = Vec<(Micros, Event)>;

struct Leads<'a> {
    w: &'a World<'a>,
    histories: &'a [History],
    teller: &'a Teller,
}

/// One attempt: its beginning and what belongs to it.
struct Attempt {
    started_at: Micros,
    events: Events,
}

/// How an attempt stands.
struct Standing {
    status: Status,
    ended_at: Option<Micros>,
    exempt: bool,
}

/// Decision that is known: one without a time counts from passing on.
fn decision(w: &World<'_>, h: &Handoff) -> (Decision, Option<Micros>) {
    let at = h.decided_at.unwrap_or(h.passed_at);
    if h.decision == Decision::Pending || at >= w.as_of() { (Decision::Pending, None) } else { (h.decision, Some(at)) }
}

impl Leads<'_> {
    fn handoffs(&self) -> Vec<Handoff> {
        let mut all = self.teller.handoffs.clone();
        all.sort_by_key(|h| h.passed_at);
        all.retain(|h| h.passed_at < self.w.as_of());
        all
    }

    /// All events before the as-of instant, in order.
    fn events(&self, person: u32) -> Events {
        let mut all = Events::new();
        let mut stages = self.teller.stages.clone();
        stages.sort_by_key(|c| c.at);
        // An exit before creation counts at creation, unless a stage follows until then.
        let created = self.teller.person.created_at;
        let stage = |value: u32| self.w.now().meaning.get(value as usize).copied().flatten();
        let enters = |value: u32| matches!(stage(value), Some(StageMeaning::Stage(_)));
        let told = stages.clone();
        let mut place = 0..;
        stages.retain(|c| {
            let later = &told[place.next().unwrap_or(0) + 1..];
            c.at >= created || enters(c.value) || !later.iter().any(|n| n.at <= created && enters(n.value))
        });
        for c in &mut stages {
            c.at = if enters(c.value) { c.at } else { c.at.max(created) };
        }
        stages.sort_by_key(|c| c.at);
        for c in stages {
            match self.w.now().meaning.get(c.value as usize).copied().flatten() {
                Some(StageMeaning::Stage(rank)) => all.push((c.at, Event::Stage(rank, c.overridden))),
                Some(StageMeaning::Recycled) => all.push((c.at, Event::Exit(Status::Recycled, false))),
                Some(StageMeaning::Lost | StageMeaning::Disqualified) => {
                    all.push((c.at, Event::Exit(Status::Disqualified, c.exempt)));
                }
                Some(StageMeaning::Won) | None => {}
            }
        }
        for h in self.handoffs() {
            all.push((h.passed_at, Event::Passed));
            if let (Decision::Rejected, Some(at)) = decision(self.w, &h) {
                all.push((at.max(h.passed_at), Event::Rejected(h.passed_at)));
            }
        }
        let mut deals: Vec<usize> = (0..self.histories.len())
            .filter(|i| self.histories[*i].known && self.histories[*i].primary == person)
            .filter(|i| self.created(*i) >= self.teller.person.created_at)
            .collect();
        deals.sort_by_key(|i| self.w.story.deals[*i].deal.id);
        for i in deals {
            all.push((self.created(i), Event::Created(i)));
            if let Some(at) = self.ended(i) {
                all.push((at.max(self.created(i)), Event::Ended(i)));
            }
        }
        all.retain(|(at, _)| *at < self.w.as_of());
        all.sort_by_key(|(at, e)| (*at, e.class()));
        all
    }

    fn created(&self, deal: usize) -> Micros {
        self.w.story.deals[deal].deal.created_at
    }

    /// End of a deal without a win.
    fn ended(&self, deal: usize) -> Option<Micros> {
        let h = &self.histories[deal];
        if h.won_at().is_some() { None } else { h.closed_at() }
    }

    /// Deals of an attempt in order of creation.
    fn deals(&self, events: &[(Micros, Event)]) -> Vec<usize> {
        events.iter().filter_map(|(_, e)| if let Event::Created(i) = e { Some(*i) } else { None }).collect()
    }

    /// How an attempt stands after these events; every deal is known as of now.
    fn standing(&self, started_at: Micros, is_first: bool, events: &[(Micros, Event)]) -> Standing {
        if self.deals(events).iter().any(|i| self.histories[*i].won_at().is_some()) {
            return Standing { status: Status::Won, ended_at: None, exempt: false };
        }
        let mut exit: Option<(Micros, Status, bool)> = None;
        let mut returned = false;
        for (n, (at, e)) in events.iter().enumerate() {
            let deals = self.deals(&events[..=n]);
            match e {
                Event::Stage(..) | Event::Created(_) => {
                    if exit.take().is_some() {
                        returned = false;
                    }
                }
                _ if exit.is_some() => {}
                Event::Exit(status, exempt) => exit = Some((*at, *status, *exempt)),
                Event::Passed => returned = false,
                Event::Rejected(passed) => {
                    if deals.is_empty() && (is_first || *passed >= started_at) {
                        returned = true;
                    }
                }
                Event::Ended(deal) => {
                    if deals.iter().all(|i| self.ended(*i).is_some_and(|end| end <= *at)) {
                        exit = Some((*at, self.histories[*deal].status(), false));
                    }
                }
            }
        }
        let (ended_at, exempt) = (exit.map(|e| e.0), exit.is_some_and(|e| e.2));
        let status = match exit {
            Some((_, status, _)) => status,
            None if !self.deals(events).is_empty() => Status::Converted,
            None if returned => Status::Returned,
            None => Status::Open,
        };
        Standing { status, ended_at, exempt }
    }

    /// Deals out the events to attempts: who comes back after an exit that stands begins a new one.
    fn attempts(&self, person: u32) -> Vec<Attempt> {
        let mut attempts = vec![Attempt { started_at: self.teller.person.created_at, events: Events::new() }];
        for (at, e) in self.events(person) {
            let is_first = attempts.len() == 1;
            let last = attempts.last().expect("at least one");
            if let Event::Ended(deal) = e {
                let home = attempts.iter_mut().find(|a| a.events.contains(&(self.created(deal), Event::Created(deal))));
                home.expect("created before it ends").events.push((at, e));
                continue;
            }
            let standing = self.standing(last.started_at, is_first, &last.events);
            let closes: Vec<Option<Micros>> =
                self.deals(&last.events).iter().map(|i| self.histories[*i].closed_at().filter(|c| *c <= at)).collect();
            let exit = match standing.status {
                Status::Won if closes.iter().all(Option::is_some) => closes.into_iter().flatten().max(),
                Status::Won => None,
                _ => standing.ended_at,
            };
            let stands = exit.is_some_and(|exit| {
                standing.status == Status::Recycled
                    || i64::from(self.w.days(exit, at)) > self.w.terms(at).reopen_grace_days
            });
            if e.comes_back() && stands {
                attempts.push(Attempt { started_at: at, events: Events::new() });
            }
            attempts.last_mut().expect("at least one").events.push((at, e));
        }
        attempts
    }

    /// The way of an attempt through the stages: of the person until the first deal, then of the deals.
    fn ways(&self, a: &Attempt, is_first: bool, standing: &Standing) -> (Ways, u8) {
        let (w, now) = (self.w, self.w.now());
        let created = self.teller.person.created_at;
        let mut log: Vec<Line> = Vec::new();
        let moved = a.events.iter().find(|(_, e)| matches!(e, Event::Stage(..) | Event::Exit(..)));
        let told = moved.is_some_and(|(at, e)| *at <= created && matches!(e, Event::Stage(..)));
        if is_first && !told {
            log.push(Line { at: created, stage: Some(0), overridden: false });
        }
        for (at, e) in &a.events {
            match e {
                Event::Stage(rank, _) if log.last().and_then(|l| l.stage) == Some(*rank) => {} // is there
                Event::Stage(rank, overridden) => {
                    log.push(Line { at: *at, stage: Some(*rank), overridden: *overridden });
                }
                Event::Exit(..) => log.push(Line { at: *at, stage: None, overridden: false }),
                Event::Created(_) => {
                    log.push(Line { at: *at, stage: None, overridden: false });
                    break;
                }
                _ => {}
            }
        }
        let mut last_stage = log.iter().rev().find_map(|l| l.stage).unwrap_or(0);
        let mut ways = Ways {
            entries: log.iter().filter_map(|l| Some((l.stage?, l.at))).collect(),
            overridden: log.iter().filter(|l| l.overridden).filter_map(|l| l.stage).collect(),
            current: log.last().and_then(|l| l.stage),
            logs: vec![log],
            until: vec![w.last()],
        };
        let deals = self.deals(&a.events);
        let stopped = if matches!(standing.status, Status::Won | Status::Converted) { None } else { standing.ended_at };
        for i in &deals {
            let h = &self.histories[*i];
            ways.logs.push(h.log.clone());
            ways.until.push(stopped.unwrap_or(w.last()));
            ways.entries.extend(h.entries(now.stages));
            ways.overridden.extend(overridden(h, now.stages));
        }
        if !deals.is_empty() {
            let open = deals.iter().filter_map(|i| self.histories[*i].current());
            ways.current = open.take(1).next().filter(|_| stopped.is_none());
            let latest = deals.iter().map(|i| self.histories[*i].closed_at().map_or(i64::MAX, |at| at.0)).max();
            let of = deals.iter().rfind(|i| self.histories[**i].closed_at().map(|at| at.0).or(Some(i64::MAX)) == latest);
            last_stage = of.map_or(0, |i| self.histories[*i].last_stage(now.first_opportunity_stage));
        }
        let stage = ways.current.unwrap_or(last_stage);
        (ways, stage)
    }

    fn qualifying(&self) -> Vec<Activity> {
        let mut all = self.teller.activities.clone();
        all.sort_by_key(|a| a.at);
        let counts = |a: &Activity| self.w.terms(a.at).qualifying.get(a.kind as usize) == Some(&true);
        all.retain(|a| a.at < self.w.as_of() && !a.automated && counts(a));
        all
    }

    fn owner(&self, at: Micros) -> u32 {
        let now = (self.teller.person.owner != NONE).then_some(self.teller.person.owner);
        value_then(&self.teller.owner_changes, now, at).unwrap_or(NONE)
    }

    fn handoff(&self, h: &Handoff, attempt: u16, activities: &[Activity], converted_at: Option<Micros>) -> HandoffFact {
        let terms = self.w.terms(h.passed_at);
        let (decision, decided_at) = decision(self.w, h);
        let outbound = activities.iter().filter(|a| !a.inbound && a.at >= h.passed_at).map(|a| a.at).min();
        let inbound = activities.iter().filter(|a| a.inbound && a.at >= h.passed_at).map(|a| a.at).min();
        let worked_before = activities.iter().any(|a| !a.inbound && a.at < h.passed_at);
        let inbound_first = inbound.is_some_and(|i| outbound.is_none_or(|o| i < o));
        let worked_at = if worked_before || inbound_first { Some(h.passed_at) } else { outbound };
        let criteria = self.teller.person.criteria;
        HandoffFact {
            row: h.row,
            person: self.teller.person.id,
            attempt,
            passed_at: h.passed_at,
            assigned_to: h.assigned_to,
            decision,
            decided_at,
            value_missing: decision == Decision::Accepted
                && terms.acceptance_needs_value
                && h.value.is_none_or(|v| v <= 0),
            value: decided_at.zip(h.value).and_then(|(at, v)| self.w.money(v, h.currency, at)),
            definition_met: terms
                .definition
                .filter(|bit| criteria.known >> bit & 1 == 1)
                .map(|bit| criteria.met >> bit & 1 == 1),
            worked_at,
            worked_unlogged: worked_at.is_none() && converted_at.is_some_and(|at| at >= h.passed_at),
            inbound_first,
            worked_before,
        }
    }

    fn clock(&self, h: &HandoffFact, p: &WindowPromise, promise: &'static str) -> ClockFact {
        let terms = self.w.terms(h.passed_at);
        let calendar = terms.calendar_of.get(h.assigned_to as usize).copied().unwrap_or(0);
        let hours = &terms.calendars[calendar as usize];
        let length = p.within_minutes * Micros::MINUTE;
        let due_at = match p.clock {
            ClockKind::Wall => Some(Micros(h.passed_at.0 + length)),
            ClockKind::Business => hours.deadline(h.passed_at, length),
        };
        let until = h.worked_at.unwrap_or(self.w.as_of());
        let known = due_at.map(|due| due.min(self.w.last()));
        let told = !self.teller.owner_changes.is_empty();
        ClockFact {
            handoff: h.row,
            promise,
            assigned_to: h.assigned_to,
            owner_at_deadline: known.filter(|_| told).map_or(h.assigned_to, |at| self.owner(at)),
            started_at: h.passed_at,
            due_at,
            stopped_at: h.worked_at,
            is_due: due_at.is_some_and(|due| due <= self.w.as_of()),
            met: h.worked_at.is_some_and(|at| due_at.is_some_and(|due| at <= due)),
            wall: until.0 - h.passed_at.0,
            business: hours.elapsed(h.passed_at, until),
            calendar,
        }
    }
}

/// All facts of one person; notes which deals were converted by which attempt.
pub fn tell(
    w: &World<'_>,
    histories: &[History],
    person: u32,
    converted: &mut Vec<(u32, u32, u16)>,
    facts: &mut Collected,
) {
    let teller = &w.story.people[person as usize];
    let p = &teller.person;
    let leads = Leads { w, histories, teller };
    let attempts = leads.attempts(person);
    for (n, a) in attempts.iter().enumerate() {
        let number = n as u16 + 1;
        let standing = leads.standing(a.started_at, n == 0, &a.events);
        let (ways, stage) = leads.ways(a, n == 0, &standing);
        let deals = leads.deals(&a.events);
        converted.extend(deals.iter().map(|i| (*i as u32, p.id, number)));
        let begins = if n == 0 { Micros(i64::MIN) } else { a.started_at };
        let ends = attempts.get(n + 1).map_or(w.as_of(), |next| next.started_at);
        let activities: Vec<Activity> =
            leads.qualifying().into_iter().filter(|x| x.at >= begins && x.at < ends).collect();
        let converted_at = deals.first().map(|i| leads.created(*i));
        // A hand-off belongs to the last attempt that had begun.
        let handoffs: Vec<HandoffFact> = leads
            .handoffs()
            .iter()
            .filter(|h| (n == 0 || h.passed_at >= a.started_at) && attempts.iter().skip(n + 1).all(|b| b.started_at > h.passed_at))
            .map(|h| leads.handoff(h, number, &activities, converted_at))
            .collect();
        for h in &handoffs {
            let terms = w.terms(h.passed_at);
            facts.clocks.extend(terms.speed_to_lead.as_ref().map(|p| leads.clock(h, p, "speed_to_lead")));
            facts.clocks.extend(terms.leads_worked.as_ref().map(|p| leads.clock(h, p, "leads_worked")));
        }
        let mut accepted: Vec<&HandoffFact> =
            handoffs.iter().filter(|h| h.decision == Decision::Accepted && !h.value_missing).collect();
        accepted.sort_by_key(|h| h.decided_at);
        let passed_at = handoffs.iter().map(|h| h.passed_at).min();
        let stop = match standing.status {
            Status::Disqualified | Status::Lost | Status::Recycled => standing.ended_at.unwrap_or(ends),
            _ => ends,
        };
        let minutes: BTreeSet<i64> = activities
            .iter()
            .filter(|x| !x.inbound && x.at >= passed_at.unwrap_or(begins) && x.at <= stop)
            .map(|x| x.at.0.div_euclid(Micros::MINUTE))
            .collect();
        let won: Vec<&History> = deals.iter().map(|i| &histories[*i]).filter(|h| h.won_at().is_some()).collect();
        facts.leads.push(LeadFact {
            person: p.id,
            attempt: number,
            origin: if n == 0 { Origin::New } else { Origin::Recycled },
            started_at: a.started_at,
            status: standing.status,
            top: ways.top().unwrap_or(0),
            stage,
            owner: leads.owner(w.last()),
            passed_at,
            decided: handoffs.iter().any(|h| h.decision != Decision::Pending),
            accepted_at: accepted.first().and_then(|h| h.decided_at),
            accepted_value: accepted.first().and_then(|h| h.value),
            converted_at,
            opportunity: deals.first().map_or(NONE, |i| w.story.deals[*i].deal.id),
            opportunities: deals.len() as u32,
            pipeline_at: deals.iter().filter_map(|i| pipeline_at(w, &w.story.deals[*i], &histories[*i])).min(),
            won_at: won.iter().filter_map(|h| h.won_at()).min(),
            won_amount: won.iter().filter_map(|h| h.amount).sum(),
            ended_at: standing.ended_at,
            exempt: standing.exempt,
            activities: activities.len() as u32,
            attempts: minutes.len() as u32,
            last_activity_at: activities.iter().map(|x| x.at).max(),
            base: w.base(histories, a.started_at),
            counts_as_name: p.lead_generation,
        });
        let model = VisitFact {
            is_lead: true,
            subject: p.id,
            attempt: number,
            started_at: a.started_at,
            stage: 0,
            reached_at: a.started_at,
            implied: false,
            days_from_previous: None,
            dwell_days: None,
            is_current: false,
            regressions: 0,
            gate: GateVerdict::None,
            overridden: false,
        };
        facts.visits.extend(ways.visits(w, 0, p.criteria, &model));
        facts.handoffs.extend(handoffs);
    }
}
