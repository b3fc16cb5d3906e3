//! Random small accounts, full of ties, skips, moves back, exits and returns.

use crate::common::{STAGES, Story, VALUES, WON, When, currency, office, terms, within};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::LazyLock;
use treaty_domain::agreement::{ClockKind, People, SourceRule};
use treaty_domain::calendar::Calendar;
use treaty_domain::fold::Terms;
use treaty_domain::money::Rate;
use treaty_domain::timeline::{Change, Contact, Criteria, Decision, Handoff, NONE, Purchase, StageChange};
use treaty_domain::zone::{Micros, Zone};

/// The change to summer time in New York, 2026-03-08, lies within the stories.
const FIRST_DAY: i32 = 55;
const NAMES: [&str; 4] = ["Ada", "Bo", "Cy", "Di"];
const DEALS: [&str; 4] = ["one", "two", "three", "four"];

struct Zones {
    zone: Zone,
    calendars: Vec<Calendar>,
}

static ZONES: LazyLock<Vec<Zones>> = LazyLock::new(|| {
    let zones = ["UTC", "America/New_York", "Asia/Kolkata"].map(|name| Zone::new(name).expect("a zone"));
    let all = zones.map(|zone| Zones { calendars: vec![Calendar::always(zone.clone()), office(&zone)], zone });
    all.into()
});

/// A time: half a day, and often exactly the same one, or a little later.
fn time() -> impl Strategy<Value = Micros> {
    let little = prop_oneof![
        6 => Just(0),
        1 => Just(1),
        1 => Just(20 * Micros::SECOND),
        2 => Just(20 * Micros::MINUTE),
        2 => Just(30 * Micros::MINUTE),
        1 => Just(Micros::HOUR),
    ];
    (0..36i64, little).prop_map(|(half_days, little)| {
        Micros(FIRST_DAY.instant().0 + half_days * 12 * Micros::HOUR + 4 * Micros::HOUR + little)
    })
}

fn criteria() -> impl Strategy<Value = Criteria> {
    (0..8u64, 0..8u64).prop_map(|(known, met)| Criteria { known, met: known & met })
}

fn campaign() -> impl Strategy<Value = u32> {
    prop_oneof![1 => Just(NONE), 4 => 1..4u32]
}

fn code() -> impl Strategy<Value = &'static str> {
    prop_oneof![4 => Just("USD"), 2 => Just("EUR"), 1 => Just("JPY")]
}

fn some_terms() -> impl Strategy<Value = Terms> {
    let numbers = (0..12i32, 0..12i32, 0..25i32, 0..7i64);
    let choices = (
        prop::sample::select(vec![People::Roles, People::Account, People::RolesElseAccount]),
        prop::sample::select(vec![
            SourceRule::LastRespondedTouch,
            SourceRule::CrmPrimaryCampaign,
            SourceRule::LeadCreatingTouch,
        ]),
        prop::sample::select(vec![0i64, 20, 30, 60]),
        prop::sample::select(vec![0.3, 1.0, 7.0, 30.0]),
        prop::sample::select(vec![ClockKind::Wall, ClockKind::Business]),
    );
    let flags = (0..16u8, any::<bool>(), vec(any::<bool>(), STAGES.len()), vec(0..8u64, STAGES.len()));
    (numbers, choices, flags, prop::sample::select(vec![30i64, 60, 720, 1_440])).prop_map(
        |((source, influence, lookback, grace), (people, rule, collapse, half_life, clock), flags, minutes)| {
            let mut t = terms();
            t.reopen_grace_days = grace;
            t.source_window_days = source;
            t.influence_window_days = influence;
            t.lookback_days = lookback;
            t.people = people;
            t.source_rule = rule;
            t.collapse_minutes = collapse;
            t.half_life_days = half_life;
            t.speed_to_lead = within(minutes, clock);
            t.leads_worked = within(4 * 1_440, ClockKind::Wall);
            t.influence_through_close = flags.0 & 1 == 0;
            t.creation_enters_first_stage = flags.0 > 3;
            t.acceptance_needs_value = flags.1;
            t.forecastable = flags.2;
            t.gates.iter_mut().zip(flags.3).for_each(|(gate, bits)| gate.required = bits);
            t.installed_base_years = 1;
            t
        },
    )
}

#[derive(Debug, Clone)]
enum Event {
    Stage { value: u32, flags: u8 },
    DealStage { value: u32, flags: u8 },
    Touch { campaign: u32, flags: u8 },
    Activity { flags: u8 },
    Handoff { to: u32, decision: u8, decided: Option<Micros>, value: Option<i64>, currency: &'static str },
    Owner { old: Option<u32>, new: Option<u32>, of_deal: bool },
    Amount { old: Option<i64>, new: Option<i64> },
    Purchase { a_year_ago: bool },
}

fn event() -> impl Strategy<Value = Event> {
    let value = || {
        let stage = 0..VALUES.len() as u32;
        prop_oneof![3 => 0..u32::from(WON), 2 => stage]
    };
    let won = u32::from(WON);
    let deal_value = prop_oneof![3 => 3..won, 2 => Just(won), 3 => won + 1..10, 1 => 0..VALUES.len() as u32];
    let flags = || 0..16u8;
    prop_oneof![
        5 => (value(), flags()).prop_map(|(value, flags)| Event::Stage { value, flags }),
        6 => (deal_value, flags()).prop_map(|(value, flags)| Event::DealStage { value, flags }),
        9 => (campaign(), flags()).prop_map(|(campaign, flags)| Event::Touch { campaign, flags }),
        4 => flags().prop_map(|flags| Event::Activity { flags }),
        3 => (0..3u32, 0..3u8, prop::option::weighted(0.8, time()), prop::option::of(0..3i64), code()).prop_map(
            |(to, decision, decided, value, currency)| Event::Handoff { to, decision, decided, value, currency }
        ),
        1 => (prop::option::of(0..4u32), prop::option::of(0..4u32), any::<bool>())
            .prop_map(|(old, new, of_deal)| Event::Owner { old, new, of_deal }),
        1 => (prop::option::of(-9..999i64), prop::option::of(-9..999i64))
            .prop_map(|(old, new)| Event::Amount { old, new }),
        1 => any::<bool>().prop_map(|a_year_ago| Event::Purchase { a_year_ago }),
    ]
}

#[derive(Debug, Clone)]
struct Deal {
    at: Micros,
    amount: Option<i64>,
    currency: &'static str,
    campaign: u32,
    contacts: Vec<(usize, bool, bool)>,
    flags: u8,
    criteria: Criteria,
}

fn deal() -> impl Strategy<Value = Deal> {
    let amount = prop_oneof![1 => Just(None), 1 => (-5_000..1i64).prop_map(Some), 5 => (1..2_000_000i64).prop_map(Some)];
    let contact = || (0..4usize, prop::bool::weighted(0.3), prop::bool::weighted(0.1));
    let contacts = prop_oneof![vec(contact(), 1), vec(contact(), 0..4)];
    let rest = (campaign(), contacts, 0..16u8, criteria());
    (time(), amount, code(), rest).prop_map(|(at, amount, currency, (campaign, contacts, flags, criteria))| Deal {
        at,
        amount,
        currency,
        campaign,
        contacts,
        flags,
        criteria,
    })
}

/// A story, and an instant from which it is seen.
pub fn story() -> impl Strategy<Value = (Story, Micros)> {
    let person = (time(), 0..8u8, campaign(), criteria());
    let as_of = prop_oneof![time(), Just((FIRST_DAY + 20).instant())];
    let setting = (0..3usize, some_terms(), prop::option::weighted(0.3, (time(), some_terms())), 0..8u8, as_of);
    let rates = vec((0..18i32, prop::sample::select(vec!["1.08", "0.925", "1.3"])), 0..3);
    (setting, vec(person, 1..=4), vec(deal(), 0..=4), vec((time(), 0..4usize, event()), 0..=30), rates).prop_map(
        |((zone, first, second, flags, as_of), people, deals, events, rates)| {
            let mut s = Story { zone: ZONES[zone].zone.clone(), is_account: flags != 0, ..Story::default() };
            s.terms = vec![first];
            if let Some((from, mut later)) = second {
                later.from = from;
                s.terms.push(later);
            }
            for t in &mut s.terms {
                t.calendars = ZONES[zone].calendars.clone();
                t.calendar_of = vec![0, 1];
            }
            for (day, rate) in rates {
                let on = s.zone.local_day((FIRST_DAY + day).instant());
                s.fx.insert(currency("EUR"), on, Rate::parse(rate).expect("a rate"));
            }
            for (i, (at, flags, campaign, criteria)) in people.into_iter().enumerate() {
                // half of them are there from the beginning
                s.person(NAMES[i], if flags & 1 == 0 { at } else { FIRST_DAY.instant() });
                let p = &mut s.people[i].person;
                (p.guest, p.lead_generation) = (flags == 7 && i > 0, flags & 2 == 0);
                (p.campaign, p.criteria, p.owner) = (campaign, criteria, if flags & 4 == 0 { NONE } else { 2 });
            }
            for (i, d) in deals.into_iter().enumerate() {
                s.deal(DEALS[i], d.at, 0, &[]);
                let deal = &mut s.deals[i];
                for (person, is_primary, far) in d.contacts {
                    let person = if far { NONE } else { (person % s.people.len()) as u32 };
                    deal.contacts.push(Contact { person, is_primary });
                }
                let o = &mut deal.deal;
                (o.amount, o.currency, o.campaign, o.criteria) = (d.amount, currency(d.currency), d.campaign, d.criteria);
                (o.guest, o.counts, o.owner) = (d.flags == 15, d.flags & 1 == 0, if d.flags & 2 == 0 { NONE } else { 1 });
            }
            for (at, who, event) in events {
                add(&mut s, at, who, event);
            }
            (s, as_of)
        },
    )
}

fn add(s: &mut Story, at: Micros, who: usize, event: Event) {
    let name = NAMES[who % s.people.len()];
    let deal = if s.deals.is_empty() { None } else { Some(who % s.deals.len()) };
    let flagged = |value, flags: u8| StageChange { at, value, overridden: flags & 3 == 0, exempt: flags & 4 == 0 };
    match (event, deal) {
        (Event::Stage { value, flags }, _) => s.teller(name).stages.push(flagged(value, flags)),
        (Event::DealStage { value, flags }, Some(i)) => s.deals[i].stages.push(flagged(value, flags)),
        (Event::Touch { campaign, flags }, _) => {
            s.touch(name, at, campaign).which(|t| (t.direct, t.responded) = (flags & 1 == 0, flags & 6 != 0));
        }
        (Event::Activity { flags }, _) => match flags {
            0 => drop(s.robot(name, at)),
            1 => drop(s.note(name, at)),
            2..=5 => drop(s.calls_us(name, at)),
            _ => drop(s.call(name, at)),
        },
        (Event::Handoff { to, decision, decided, value, currency: code }, _) => {
            let row = s.people.iter().map(|p| p.handoffs.len()).sum::<usize>() as u32;
            let decision = [Decision::Pending, Decision::Accepted, Decision::Rejected][decision as usize];
            let (value, currency) = (value.map(|v| v * 500), currency(code));
            let h = Handoff { row, passed_at: at, assigned_to: to, decision, decided_at: decided, value, currency };
            s.teller(name).handoffs.push(h);
        }
        (Event::Owner { old, new, of_deal: false }, _) => s.teller(name).owner_changes.push(Change { at, old, new }),
        (Event::Owner { old, new, of_deal: true }, Some(i)) => s.deals[i].owner_changes.push(Change { at, old, new }),
        (Event::Amount { old, new }, Some(i)) => s.deals[i].amount_changes.push(Change { at, old, new }),
        (Event::Purchase { a_year_ago }, _) => {
            let at = if a_year_ago { Micros(at.0 - 365 * Micros::DAY) } else { at };
            s.purchases.push(Purchase { at });
        }
        (Event::DealStage { .. } | Event::Owner { .. } | Event::Amount { .. }, None) => {}
    }
}
