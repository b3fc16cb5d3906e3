//! Small timelines, written like stories: people and deals by name, days as numbers.
//!
//! Day 0 is 2026-01-01 and a bare number is midnight UTC of that day; a text is an RFC 3339
//! instant. A [`Story`] keeps what happened nested by subject, so that it reads like the record;
//! [`Story::fold`] lays it out in columns and folds it.

#![allow(dead_code, reason = "each test binary uses its own part")]

mod five;
#[allow(unused_imports, reason = "each test binary uses its own part")]
pub use five::five_leads;

use std::ops::Range;
use treaty_domain::agreement::{ClockKind, People, Per, SourceRule, StageMeaning, WindowPromise};
use treaty_domain::calendar::{Block, Calendar};
use treaty_domain::facts::{
    ClockFact, Collected, CreditFact, HandoffFact, LeadFact, OpportunityFact, VisitFact,
};
use treaty_domain::fold::{Context, Gate, Scratch, Terms, fold};
use treaty_domain::money::{Currency, FxTable};
use treaty_domain::timeline::{
    Activity, Change, Contact, Criteria, Decision, Handoff, NONE, Opportunity, Person, Purchase,
    StageChange, Timeline, Touch,
};
use treaty_domain::zone::{Micros, Zone};

/// Stages in order; the last three belong to opportunities.
pub const STAGES: [&str; 6] = ["lead", "mql", "sal", "opp", "demo", "quote"];
/// Number of stages, and so the rank of a win.
pub const WON: u8 = 6;
/// Names of stage values; the last one means nothing.
pub const VALUES: [&str; 11] = [
    "lead", "mql", "sal", "opp", "demo", "quote", "won", "lost", "disqualified", "recycled", "??",
];
/// Activity kinds; notes do not qualify.
pub const CALL: u32 = 0;
/// A kind that does not count.
pub const NOTE: u32 = 1;

const DAY_ZERO: i64 = 20_454 * Micros::DAY; // 2026-01-01

/// A point in a story.
pub trait When {
    /// The instant.
    fn instant(self) -> Micros;
}

impl When for i32 {
    fn instant(self) -> Micros {
        Micros(DAY_ZERO + i64::from(self) * Micros::DAY)
    }
}

impl When for Micros {
    fn instant(self) -> Micros {
        self
    }
}

impl When for &str {
    fn instant(self) -> Micros {
        Micros::parse(self).expect("an instant")
    }
}

/// A time on a day.
pub fn at(day: i32, hour: i64, minute: i64) -> Micros {
    Micros(day.instant().0 + hour * Micros::HOUR + minute * Micros::MINUTE)
}

/// Number of a stage value.
pub fn value(name: &str) -> u32 {
    VALUES.iter().position(|v| *v == name).expect("a stage value") as u32
}

/// Rank of a stage or of a win.
pub fn rank(name: &str) -> u8 {
    value(name) as u8
}

/// A currency.
pub fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a currency")
}

/// A promise on a window.
pub fn within(minutes: i64, clock: ClockKind) -> Option<WindowPromise> {
    Some(WindowPromise { per: Per::Quarter, within_minutes: minutes, clock, share: 0.9 })
}

/// Monday to Friday, 9 to 17.
pub fn office(zone: &Zone) -> Calendar {
    let hours = || vec![Block::new(540, 1020)];
    let week = [hours(), hours(), hours(), hours(), hours(), vec![], vec![]];
    Calendar::new(zone.clone(), week, Vec::new(), Default::default())
}

/// Terms with which most stories are told.
pub fn terms() -> Terms {
    let mut meaning: Vec<Option<StageMeaning>> =
        (0..WON).map(|r| Some(StageMeaning::Stage(r))).collect();
    meaning.extend([
        Some(StageMeaning::Won),
        Some(StageMeaning::Lost),
        Some(StageMeaning::Disqualified),
        Some(StageMeaning::Recycled),
        None,
    ]);
    Terms {
        from: Micros(i64::MIN),
        meaning,
        stages: WON,
        first_opportunity_stage: 3,
        forecastable: vec![false, false, false, false, true, true],
        gates: vec![Gate::default(); 6],
        definition: Some(0),
        qualifying: vec![true, false],
        reopen_grace_days: 30,
        acceptance_needs_value: true,
        creation_enters_first_stage: true,
        speed_to_lead: within(60, ClockKind::Wall),
        leads_worked: None,
        attempts: None,
        calendars: vec![Calendar::always(Zone::utc())],
        calendar_of: Vec::new(),
        source_rule: SourceRule::LastRespondedTouch,
        source_window_days: 90,
        influence_window_days: 90,
        influence_through_close: false,
        people: People::RolesElseAccount,
        lookback_days: 90,
        half_life_days: 7.0,
        collapse_minutes: 30,
        installed_base_years: 3,
    }
}

/// A person of a story.
#[derive(Debug, Clone)]
pub struct Teller {
    pub name: String,
    pub person: Person,
    pub stages: Vec<StageChange>,
    pub activities: Vec<Activity>,
    pub handoffs: Vec<Handoff>,
    pub owner_changes: Vec<Change<u32>>,
}

/// An opportunity of a story.
#[derive(Debug, Clone)]
pub struct Deal {
    pub name: String,
    pub deal: Opportunity,
    pub stages: Vec<StageChange>,
    pub contacts: Vec<Contact>,
    pub amount_changes: Vec<Change<i64>>,
    pub owner_changes: Vec<Change<u32>>,
}

/// What happened around one account.
#[derive(Clone)]
pub struct Story {
    pub people: Vec<Teller>,
    pub deals: Vec<Deal>,
    pub touches: Vec<Touch>,
    pub purchases: Vec<Purchase>,
    pub is_account: bool,
    pub zone: Zone,
    pub terms: Vec<Terms>,
    pub fx: FxTable,
}

impl Default for Story {
    fn default() -> Self {
        Self {
            people: Vec::new(),
            deals: Vec::new(),
            touches: Vec::new(),
            purchases: Vec::new(),
            is_account: true,
            zone: Zone::utc(),
            terms: vec![terms()],
            fx: FxTable::new(currency("USD")),
        }
    }
}

/// Without the rates, and without the terms that only vary in numbers.
impl std::fmt::Debug for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} {}", self.zone, if self.is_account { "account" } else { "no account" })?;
        for t in &self.terms {
            writeln!(
                f,
                "terms from {} grace {} windows {} {} {} collapse {} half-life {} {:?} {:?} through {} value {} {:?} {:?} {:?}",
                t.from, t.reopen_grace_days, t.source_window_days, t.influence_window_days, t.lookback_days,
                t.collapse_minutes, t.half_life_days, t.people, t.source_rule, t.influence_through_close,
                t.acceptance_needs_value, t.forecastable, t.gates, t.speed_to_lead,
            )?;
        }
        let stages = |f: &mut std::fmt::Formatter<'_>, all: &[StageChange]| -> std::fmt::Result {
            for c in all {
                let word = VALUES[c.value as usize];
                writeln!(f, "  {} {word} overridden {} exempt {}", c.at, c.overridden, c.exempt)?;
            }
            Ok(())
        };
        for p in &self.people {
            writeln!(f, "{} {:?}", p.name, p.person)?;
            stages(f, &p.stages)?;
            writeln!(f, "  {:?} {:?} {:?}", p.activities, p.handoffs, p.owner_changes)?;
        }
        for d in &self.deals {
            writeln!(f, "{} {:?}", d.name, d.deal)?;
            stages(f, &d.stages)?;
            writeln!(f, "  {:?} {:?} {:?}", d.contacts, d.amount_changes, d.owner_changes)?;
        }
        writeln!(f, "{:?}\n{:?}", self.touches, self.purchases)
    }
}

impl Story {
    /// A story under terms of its own.
    pub fn under(change: impl FnOnce(&mut Terms)) -> Self {
        let mut story = Self::default();
        change(&mut story.terms[0]);
        story
    }

    /// The same story told in another zone.
    pub fn in_zone(mut self, name: &str) -> Self {
        self.zone = Zone::new(name).expect("a zone");
        self
    }

    /// Position of a person.
    pub fn who(&self, name: &str) -> u32 {
        self.people.iter().position(|p| p.name == name).expect("a person of the story") as u32
    }

    pub fn teller(&mut self, name: &str) -> &mut Teller {
        let i = self.who(name) as usize;
        &mut self.people[i]
    }

    pub fn deal_of(&mut self, name: &str) -> &mut Deal {
        self.deals.iter_mut().find(|d| d.name == name).expect("a deal of the story")
    }

    /// Somebody enters the record.
    pub fn person(&mut self, name: &str, when: impl When) -> &mut Self {
        self.people.push(Teller {
            name: name.to_owned(),
            person: Person {
                id: 100 + self.people.len() as u32,
                guest: false,
                created_at: when.instant(),
                campaign: NONE,
                owner: NONE,
                lead_generation: false,
                criteria: Criteria::default(),
                stages: 0..0,
                activities: 0..0,
                handoffs: 0..0,
                owner_changes: 0..0,
            },
            stages: Vec::new(),
            activities: Vec::new(),
            handoffs: Vec::new(),
            owner_changes: Vec::new(),
        });
        self
    }

    /// Somebody of another account with a role here.
    pub fn guest(&mut self, name: &str, when: impl When) -> &mut Self {
        self.person(name, when);
        self.teller(name).person.guest = true;
        self
    }

    /// A deal begins; a star before a contact makes it the primary one.
    pub fn deal(&mut self, name: &str, when: impl When, amount: i64, contacts: &[&str]) -> &mut Self {
        let contacts = contacts
            .iter()
            .map(|c| Contact { person: self.who(c.trim_start_matches('*')), is_primary: c.starts_with('*') })
            .collect();
        self.deals.push(Deal {
            name: name.to_owned(),
            deal: Opportunity {
                id: 500 + self.deals.len() as u32,
                order: self.deals.len() as u32,
                guest: false,
                created_at: when.instant(),
                amount: Some(amount),
                currency: currency("USD"),
                counts: true,
                campaign: NONE,
                owner: NONE,
                criteria: Criteria::default(),
                stages: 0..0,
                contacts: 0..0,
                amount_changes: 0..0,
                owner_changes: 0..0,
            },
            stages: Vec::new(),
            contacts,
            amount_changes: Vec::new(),
            owner_changes: Vec::new(),
        });
        self
    }

    fn change(&mut self, name: &str, change: StageChange) -> &mut Self {
        match self.deals.iter().position(|d| d.name == name) {
            Some(i) => self.deals[i].stages.push(change),
            None => self.teller(name).stages.push(change),
        }
        self
    }

    /// A person or a deal enters a stage, or ends.
    pub fn stage(&mut self, name: &str, when: impl When, stage: &str) -> &mut Self {
        let change = StageChange { at: when.instant(), value: value(stage), overridden: false, exempt: false };
        self.change(name, change)
    }

    /// The gate is passed on somebody's word.
    pub fn overridden(&mut self, name: &str, when: impl When, stage: &str) -> &mut Self {
        let change = StageChange { at: when.instant(), value: value(stage), overridden: true, exempt: false };
        self.change(name, change)
    }

    /// Disqualified for a reason that needs no effort.
    pub fn exempt(&mut self, name: &str, when: impl When) -> &mut Self {
        let at = when.instant();
        self.change(name, StageChange { at, value: value("disqualified"), overridden: false, exempt: true })
    }

    fn activity(&mut self, name: &str, when: impl When, kind: u32, inbound: bool, automated: bool) -> &mut Self {
        let at = when.instant();
        self.teller(name).activities.push(Activity { at, kind, inbound, automated });
        self
    }

    /// Sales calls.
    pub fn call(&mut self, name: &str, when: impl When) -> &mut Self {
        self.activity(name, when, CALL, false, false)
    }

    /// The lead calls.
    pub fn calls_us(&mut self, name: &str, when: impl When) -> &mut Self {
        self.activity(name, when, CALL, true, false)
    }

    /// A machine writes.
    pub fn robot(&mut self, name: &str, when: impl When) -> &mut Self {
        self.activity(name, when, CALL, false, true)
    }

    /// Somebody writes a note.
    pub fn note(&mut self, name: &str, when: impl When) -> &mut Self {
        self.activity(name, when, NOTE, false, false)
    }

    /// The lead is passed to a user.
    pub fn pass(&mut self, name: &str, when: impl When, to: u32) -> &mut Self {
        let row = self.people.iter().map(|p| p.handoffs.len()).sum::<usize>() as u32;
        self.teller(name).handoffs.push(Handoff {
            row,
            passed_at: when.instant(),
            assigned_to: to,
            decision: Decision::Pending,
            decided_at: None,
            value: None,
            currency: currency("USD"),
        });
        self
    }

    fn decide(&mut self, name: &str, when: impl When, decision: Decision, value: Option<i64>) -> &mut Self {
        let h = self.teller(name).handoffs.last_mut().expect("passed before it is decided");
        h.decision = decision;
        h.decided_at = Some(when.instant());
        h.value = value;
        self
    }

    /// Sales accepts the last hand-off and puts a value on it.
    pub fn accept(&mut self, name: &str, when: impl When, value: impl Into<Option<i64>>) -> &mut Self {
        self.decide(name, when, Decision::Accepted, value.into())
    }

    /// Sales rejects the last hand-off.
    pub fn reject(&mut self, name: &str, when: impl When) -> &mut Self {
        self.decide(name, when, Decision::Rejected, None)
    }

    /// A campaign touches a person, who responds.
    pub fn touch(&mut self, name: &str, when: impl When, campaign: u32) -> &mut Self {
        let touch = Touch {
            at: when.instant(),
            row: 900 + self.touches.len() as u32,
            person: self.who(name),
            campaign,
            direct: false,
            responded: true,
        };
        self.touches.push(touch);
        self
    }

    /// Changes the touch told last.
    pub fn which(&mut self, change: impl FnOnce(&mut Touch)) -> &mut Self {
        change(self.touches.last_mut().expect("a touch"));
        self
    }

    /// The owner changes; the last one told is the owner now.
    pub fn owner(&mut self, name: &str, when: impl When, old: u32, new: u32) -> &mut Self {
        let change = Change { at: when.instant(), old: Some(old), new: Some(new) };
        match self.deals.iter_mut().find(|d| d.name == name) {
            Some(d) => {
                d.owner_changes.push(change);
                d.deal.owner = new;
            }
            None => {
                let p = self.teller(name);
                p.owner_changes.push(change);
                p.person.owner = new;
            }
        }
        self
    }

    /// The account pays for something.
    pub fn purchase(&mut self, when: impl When) -> &mut Self {
        self.purchases.push(Purchase { at: when.instant() });
        self
    }

    /// What the fold is told beside the timeline.
    pub fn context(&self, as_of: Micros) -> Context {
        Context {
            as_of,
            zone: self.zone.clone(),
            currency: currency("USD"),
            fx: self.fx.clone(),
            terms: self.terms.clone(),
        }
    }

    /// Facts before an instant.
    pub fn fold(&self, as_of: impl When) -> Told {
        let mut facts = Collected::default();
        self.fold_into(as_of.instant(), &mut Scratch::default(), &mut facts);
        Told {
            facts,
            people: self.people.iter().map(|p| (p.name.clone(), p.person.id)).collect(),
            deals: self.deals.iter().map(|d| (d.name.clone(), d.deal.id)).collect(),
        }
    }

    /// Lays the story out in columns and folds it.
    pub fn fold_into(&self, as_of: Micros, scratch: &mut Scratch, facts: &mut Collected) {
        self.laid_out(|timeline| fold(&self.context(as_of), timeline, scratch, facts));
    }

    /// The story in columns.
    pub fn laid_out<R>(&self, use_it: impl FnOnce(&Timeline<'_>) -> R) -> R {
        let mut c = Columns::default();
        let people: Vec<Person> = self
            .people
            .iter()
            .map(|p| Person {
                stages: put(&mut c.person_stages, &p.stages, |x| x.at),
                activities: put(&mut c.activities, &p.activities, |x| x.at),
                handoffs: put(&mut c.handoffs, &p.handoffs, |x| x.passed_at),
                owner_changes: put(&mut c.owner_changes, &p.owner_changes, |x| x.at),
                ..p.person.clone()
            })
            .collect();
        let opportunities: Vec<Opportunity> = self
            .deals
            .iter()
            .map(|d| Opportunity {
                stages: put(&mut c.opportunity_stages, &d.stages, |x| x.at),
                contacts: put(&mut c.contacts, &d.contacts, |_| Micros(0)),
                amount_changes: put(&mut c.amount_changes, &d.amount_changes, |x| x.at),
                owner_changes: put(&mut c.owner_changes, &d.owner_changes, |x| x.at),
                ..d.deal.clone()
            })
            .collect();
        let mut touches = self.touches.clone();
        touches.sort_by_key(|t| (t.at, t.row));
        use_it(&Timeline {
            people: &people,
            opportunities: &opportunities,
            contacts: &c.contacts,
            person_stages: &c.person_stages,
            opportunity_stages: &c.opportunity_stages,
            touches: &touches,
            activities: &c.activities,
            handoffs: &c.handoffs,
            owner_changes: &c.owner_changes,
            amount_changes: &c.amount_changes,
            purchases: &self.purchases,
            is_account: self.is_account,
        })
    }
}

#[derive(Default)]
struct Columns {
    contacts: Vec<Contact>,
    person_stages: Vec<StageChange>,
    opportunity_stages: Vec<StageChange>,
    activities: Vec<Activity>,
    handoffs: Vec<Handoff>,
    owner_changes: Vec<Change<u32>>,
    amount_changes: Vec<Change<i64>>,
}

fn put<T: Clone>(column: &mut Vec<T>, events: &[T], at: impl Fn(&T) -> Micros) -> Range<u32> {
    let mut events = events.to_vec();
    events.sort_by_key(at);
    let start = column.len() as u32;
    column.extend(events);
    start..column.len() as u32
}

/// What the fold made of a story.
#[derive(Debug, Clone)]
pub struct Told {
    pub facts: Collected,
    people: Vec<(String, u32)>,
    deals: Vec<(String, u32)>,
}

impl Told {
    fn id(&self, name: &str) -> u32 {
        let all = self.people.iter().chain(&self.deals);
        all.into_iter().find(|(n, _)| n == name).map(|(_, id)| *id).expect("a name of the story")
    }

    /// The attempts of a person.
    pub fn attempts(&self, name: &str) -> Vec<LeadFact> {
        let id = self.id(name);
        self.facts.leads.iter().filter(|l| l.person == id).cloned().collect()
    }

    /// The only attempt of a person.
    pub fn lead(&self, name: &str) -> LeadFact {
        let mut all = self.attempts(name);
        assert_eq!(all.len(), 1, "attempts of {name}");
        all.remove(0)
    }

    /// A deal.
    pub fn deal(&self, name: &str) -> OpportunityFact {
        let id = self.id(name);
        self.facts.opportunities.iter().find(|o| o.opportunity == id).cloned().expect("a fact of the deal")
    }

    /// A stage that an attempt of a person, or a deal, has reached.
    pub fn visit(&self, name: &str, attempt: u16, stage: &str) -> Option<VisitFact> {
        let (id, is_lead) = (self.id(name), self.people.iter().any(|(n, _)| n == name));
        self.facts
            .visits
            .iter()
            .find(|v| v.subject == id && v.is_lead == is_lead && v.stage == rank(stage) && v.attempt == attempt)
            .cloned()
    }

    /// Hand-offs of a person in order.
    pub fn handoffs(&self, name: &str) -> Vec<HandoffFact> {
        let id = self.id(name);
        self.facts.handoffs.iter().filter(|h| h.person == id).cloned().collect()
    }

    /// The only clock.
    pub fn clock(&self) -> ClockFact {
        assert_eq!(self.facts.clocks.len(), 1, "clocks");
        self.facts.clocks[0].clone()
    }

    /// Campaigns that influenced a deal, with their touches.
    pub fn influences(&self, name: &str) -> Vec<(u32, u32)> {
        let id = self.id(name);
        let mine = self.facts.influences.iter().filter(|i| i.opportunity == id);
        mine.map(|i| (i.campaign, i.touches)).collect()
    }

    /// Credits of a deal in order of the path.
    pub fn credits(&self, name: &str) -> Vec<CreditFact> {
        let id = self.id(name);
        self.facts.credits.iter().filter(|c| c.opportunity == id).copied().collect()
    }
}
