//! What a day and an agreement make of a chunk of timelines: the slices that the fold takes.

use super::chunk::{Chunk, Rows};
use super::columns::minor_units;
use super::decode::{AUTOMATED, INBOUND};
use super::parts::{Order, RECORDED};
use crate::error::EngineError;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, StringArray};
use datafusion::arrow::datatypes::{Decimal128Type, FieldRef, Int64Type, UInt8Type, UInt32Type};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use treaty_domain::money::{Currency, parse_amount};
use treaty_domain::timeline::{
    Activity, Change, Contact, Criteria, Decision, Handoff, NONE, Opportunity, Person, Purchase, Span, StageChange, Timeline, Touch,
};
use treaty_domain::zone::Micros;

/// What names of a list mean, by their positions.
#[derive(Debug, Clone)]
pub struct Meaning<T> {
    /// Of each name.
    pub of: Vec<T>,
    /// Of a missing one.
    pub missing: T,
}

impl<T: Copy> Meaning<T> {
    fn get(&self, code: u32) -> T {
        self.of.get(code as usize).copied().unwrap_or(self.missing)
    }
}

/// How a view looks at timelines.
#[derive(Debug, Clone)]
pub struct Lens {
    /// The as-of instant.
    pub as_of: Micros,
    /// What was recorded later counts, too.
    pub as_corrected: bool,
    /// Touches are taken from contact roles, so guests matter.
    pub roles: bool,
    /// Rank of each stage value; [`NONE`]: the agreement does not know it.
    pub rank: Meaning<u32>,
    /// Reasons that override a gate.
    pub overridden: Meaning<bool>,
    /// Reasons that are exempt from the promise of effort.
    pub exempt: Meaning<bool>,
    /// Direct channels.
    pub direct: Meaning<bool>,
    /// Currencies.
    pub currency: Meaning<Currency>,
    /// Kinds of opportunities that count.
    pub counts: Meaning<bool>,
    /// Campaigns whose names count.
    pub lead_generation: Meaning<bool>,
    /// Criteria of people and of opportunities, by number.
    pub criteria: [Vec<Criteria>; 2],
}

/// A group of a chunk.
#[derive(Debug, Clone)]
struct Group {
    people: Range<usize>,
    deals: Range<usize>,
    touches: Range<usize>,
    purchases: Range<usize>,
    is_account: bool,
}

/// A chunk as the fold takes it.
#[derive(Debug, Default)]
pub struct Slices {
    groups: Vec<Group>,
    people: Vec<Person>,
    deals: Vec<Opportunity>,
    contacts: Vec<Contact>,
    person_stages: Vec<StageChange>,
    deal_stages: Vec<StageChange>,
    touches: Vec<Touch>,
    activities: Vec<Activity>,
    handoffs: Vec<Handoff>,
    owners: Vec<Change<u32>>,
    amounts: Vec<Change<i64>>,
    purchases: Vec<Purchase>,
}

/// Instants of the events of a table, and which of them count.
struct Clock<'a> {
    at: &'a [i64],
    recorded: Option<&'a PrimitiveArray<Int64Type>>,
    as_of: i64,
    as_corrected: bool,
}

impl<'a> Clock<'a> {
    fn of(rows: &'a Rows, lens: &Lens) -> Result<Self, EngineError> {
        let recorded = rows.some::<Int64Type>(RECORDED[0]);
        Ok(Self { at: rows.numbers::<Int64Type>("at")?, recorded, as_of: lens.as_of.0, as_corrected: lens.as_corrected })
    }

    fn keeps(&self, i: usize) -> bool {
        self.at[i] < self.as_of && (self.as_corrected || self.recorded.is_none_or(|r| r.is_null(i) || r.value(i) < self.as_of))
    }

    fn at(&self, i: usize) -> Micros {
        Micros(self.at[i])
    }
}

/// Takes the events of each subject that count; gives the span of each.
fn spans<T>(counts: &[u32], out: &mut Vec<T>, mut event: impl FnMut(usize) -> Option<T>) -> Vec<Span> {
    let mut row = 0;
    counts
        .iter()
        .map(|n| {
            let from = out.len() as u32;
            out.extend((row..row + *n as usize).filter_map(&mut event));
            row += *n as usize;
            from..out.len() as u32
        })
        .collect()
}

fn flags<'a>(rows: &'a Rows, name: &str) -> Result<&'a BooleanArray, EngineError> {
    rows.column(name)?.as_boolean_opt().ok_or_else(|| EngineError::Ask(format!("kept timelines hold no flag `{name}`; remove their folder")))
}

fn texts<'a>(rows: &'a Rows, name: &str) -> Result<&'a StringArray, EngineError> {
    rows.column(name)?.as_string_opt().ok_or_else(|| EngineError::Ask(format!("kept timelines hold no text `{name}`; remove their folder")))
}

/// Stage changes of subjects. Those at one instant are in the order of the stages.
fn stages(rows: &Rows, counts: &[u32], lens: &Lens, out: &mut Vec<StageChange>) -> Result<Vec<Span>, EngineError> {
    let clock = Clock::of(rows, lens)?;
    let (values, reasons) = (rows.numbers::<UInt32Type>("value")?, rows.numbers::<UInt32Type>("reason")?);
    let (of, columns): (Vec<FieldRef>, Vec<ArrayRef>) = rows.parts();
    let order = Order::of(&of, &columns, "at");
    let event = |i: usize| {
        let known = clock.keeps(i) && lens.rank.get(values[i]) != NONE;
        let (overridden, exempt) = (lens.overridden.get(reasons[i]), lens.exempt.get(reasons[i]));
        known.then(|| StageChange { at: clock.at(i), value: values[i], overridden, exempt })
    };
    let mut row = 0;
    let mut sources: Vec<usize> = Vec::new();
    let spans = counts.iter().map(|n| {
        let from = out.len();
        sources.clear();
        for i in row..row + *n as usize {
            let Some(change) = event(i) else { continue };
            let mut to = out.len();
            while to > from
                && lens.rank.get(out[to - 1].value) > lens.rank.get(change.value)
                && order.key(sources[to - 1 - from]) == order.key(i)
            {
                to -= 1;
            }
            out.insert(to, change);
            sources.insert(to - from, i);
        }
        row += *n as usize;
        from as u32..out.len() as u32
    });
    Ok(spans.collect())
}

fn owner_changes(rows: &Rows, counts: &[u32], out: &mut Vec<Change<u32>>) -> Result<Vec<Span>, EngineError> {
    let at = rows.numbers::<Int64Type>("at")?;
    let (old, new) = (rows.numbers::<UInt32Type>("old")?, rows.numbers::<UInt32Type>("new")?);
    let user = |code: u32| (code != NONE).then_some(code);
    Ok(spans(counts, out, |i| Some(Change { at: Micros(at[i]), old: user(old[i]), new: user(new[i]) })))
}

impl Slices {
    /// What a view makes of a chunk.
    ///
    /// # Errors
    /// When the chunk has not the columns that it must have.
    pub fn new(chunk: &Chunk, lens: &Lens) -> Result<Self, EngineError> {
        let mut out = Self::default();
        let groups = chunk.table("groups")?;
        let size = |name: &str| groups.numbers::<UInt32Type>(name);
        let (own, guests) = (size("people")?, size("guests")?);
        out.people(chunk, lens, own, guests)?;
        let contact_people: Vec<u32> = {
            let (deals, guest_deals) = (size("opportunities")?, size("guest_opportunities")?);
            out.deals(chunk, lens, deals, guest_deals, own)?;
            deals.iter().zip(guest_deals).map(|(a, b)| a + b).collect()
        };
        let kept = out.touches(chunk, lens, size("touches")?, own)?;
        let bought = out.purchases(chunk, lens, size("purchases")?)?;
        let is_account = flags(&groups, "is_account")?;
        let (mut p, mut d) = (0, 0);
        for g in 0..groups.len() {
            let people = p..p + (own[g] + if lens.roles { guests[g] } else { 0 }) as usize;
            let deals = d..d + contact_people[g] as usize;
            (p, d) = (people.end, deals.end);
            let wide = |s: &Span| s.start as usize..s.end as usize;
            out.groups.push(Group { people, deals, touches: wide(&kept[g]), purchases: wide(&bought[g]), is_account: is_account.value(g) });
        }
        Ok(out)
    }

    fn people(&mut self, chunk: &Chunk, lens: &Lens, own: &[u32], guests: &[u32]) -> Result<(), EngineError> {
        let rows = chunk.table("people")?;
        let counts = |name: &str| rows.numbers::<UInt32Type>(name);
        let stages = stages(&chunk.table("person_stages")?, counts("stages")?, lens, &mut self.person_stages)?;
        let activities = {
            let rows = chunk.table("activities")?;
            let clock = Clock::of(&rows, lens)?;
            let (kind, flags) = (rows.numbers::<UInt32Type>("kind")?, rows.numbers::<UInt8Type>("flags")?);
            let event = |i: usize| {
                let (inbound, automated) = (flags[i] & INBOUND != 0, flags[i] & AUTOMATED != 0);
                clock.keeps(i).then(|| Activity { at: clock.at(i), kind: kind[i], inbound, automated })
            };
            spans(counts("activities")?, &mut self.activities, event)
        };
        let handoffs = self.handoffs(&chunk.table("handoffs")?, lens, counts("handoffs")?)?;
        let owners = owner_changes(&chunk.table("person_owners")?, counts("owners")?, &mut self.owners)?;
        let (id, campaign, owner) = (counts("id")?, counts("campaign")?, counts("owner")?);
        let created = rows.cells::<Int64Type>("created")?;
        let mut row = 0;
        for (own, guests) in own.iter().zip(guests) {
            for n in 0..own + guests {
                let (i, guest) = (row, n >= *own);
                row += 1;
                if guest && !lens.roles {
                    continue;
                }
                self.people.push(Person {
                    id: id[i],
                    guest,
                    created_at: instant(created, i),
                    campaign: campaign[i],
                    owner: owner[i],
                    lead_generation: lens.lead_generation.get(campaign[i]),
                    criteria: lens.criteria[0].get(id[i] as usize).copied().unwrap_or_default(),
                    stages: stages[i].clone(),
                    activities: activities[i].clone(),
                    handoffs: handoffs[i].clone(),
                    owner_changes: owners[i].clone(),
                });
            }
        }
        Ok(())
    }

    fn handoffs(&mut self, rows: &Rows, lens: &Lens, counts: &[u32]) -> Result<Vec<Span>, EngineError> {
        let clock = Clock::of(rows, lens)?;
        let (row, assigned, currency) =
            (rows.numbers::<UInt32Type>("row")?, rows.numbers::<UInt32Type>("assigned")?, rows.numbers::<UInt32Type>("currency")?);
        let (decision, decided) = (rows.numbers::<UInt8Type>("decision")?, rows.cells::<Int64Type>("decided")?);
        let value = rows.cells::<Decimal128Type>("value")?;
        let event = |i: usize| {
            let currency = lens.currency.get(currency[i]);
            clock.keeps(i).then(|| Handoff {
                row: row[i],
                passed_at: clock.at(i),
                assigned_to: assigned[i],
                decision: match decision[i] {
                    1 => Decision::Accepted,
                    2 => Decision::Rejected,
                    _ => Decision::Pending,
                },
                decided_at: decided.is_valid(i).then(|| Micros(decided.value(i))),
                value: minor(value, i, currency),
                currency,
            })
        };
        Ok(spans(counts, &mut self.handoffs, event))
    }

    fn deals(&mut self, chunk: &Chunk, lens: &Lens, own: &[u32], guests: &[u32], people: &[u32]) -> Result<(), EngineError> {
        let rows = chunk.table("opportunities")?;
        let counts = |name: &str| rows.numbers::<UInt32Type>(name);
        let stages = stages(&chunk.table("opportunity_stages")?, counts("stages")?, lens, &mut self.deal_stages)?;
        let owners = owner_changes(&chunk.table("opportunity_owners")?, counts("owners")?, &mut self.owners)?;
        let currency: Vec<Currency> = counts("currency")?.iter().map(|c| lens.currency.get(*c)).collect();
        let amounts = {
            let rows = chunk.table("amounts")?;
            let at = rows.numbers::<Int64Type>("at")?;
            let (old, new) = (texts(&rows, "old")?, texts(&rows, "new")?);
            let of = counts("amounts")?;
            let exponents = of.iter().zip(&currency).flat_map(|(n, c)| std::iter::repeat_n(c.exponent(), *n as usize));
            let exponents: Vec<u8> = exponents.collect();
            let money = |text: &StringArray, i: usize| text.is_valid(i).then(|| parse_amount(text.value(i), exponents[i]).ok()).flatten();
            spans(of, &mut self.amounts, |i| Some(Change { at: Micros(at[i]), old: money(old, i), new: money(new, i) }))
        };
        let contacts = {
            let rows = chunk.table("contacts")?;
            let (person, is_primary) = (rows.numbers::<UInt32Type>("person")?, flags(&rows, "is_primary")?);
            spans(counts("contacts")?, &mut self.contacts, |i| Some(Contact { person: person[i], is_primary: is_primary.value(i) }))
        };
        let (id, campaign, owner, kind) = (counts("id")?, counts("campaign")?, counts("owner")?, counts("kind")?);
        let created = rows.cells::<Int64Type>("created")?;
        let amount = rows.cells::<Decimal128Type>("amount")?;
        let mut i = 0;
        for ((own, guests), people) in own.iter().zip(guests).zip(people) {
            for n in 0..own + guests {
                if !lens.roles {
                    // Who comes from elsewhere is not in the timeline then.
                    for contact in &mut self.contacts[contacts[i].start as usize..contacts[i].end as usize] {
                        contact.person = if contact.person < *people { contact.person } else { NONE };
                    }
                }
                self.deals.push(Opportunity {
                    order: n,
                    id: id[i],
                    guest: n >= *own,
                    created_at: instant(created, i),
                    amount: minor(amount, i, currency[i]),
                    currency: currency[i],
                    counts: lens.counts.get(kind[i]),
                    campaign: campaign[i],
                    owner: owner[i],
                    criteria: lens.criteria[1].get(id[i] as usize).copied().unwrap_or_default(),
                    stages: stages[i].clone(),
                    contacts: contacts[i].clone(),
                    amount_changes: amounts[i].clone(),
                    owner_changes: owners[i].clone(),
                });
                i += 1;
            }
        }
        Ok(())
    }

    fn touches(&mut self, chunk: &Chunk, lens: &Lens, counts: &[u32], people: &[u32]) -> Result<Vec<Span>, EngineError> {
        let rows = chunk.table("touches")?;
        let clock = Clock::of(&rows, lens)?;
        let numbers = |name: &str| rows.numbers::<UInt32Type>(name);
        let (row, person, campaign, channel) = (numbers("row")?, numbers("person")?, numbers("campaign")?, numbers("channel")?);
        let responded = rows.numbers::<UInt8Type>("responded")?;
        self.touches.reserve(rows.len());
        let mut from = 0;
        let spans = counts.iter().zip(people).map(|(n, people)| {
            let start = self.touches.len() as u32;
            for i in from..from + *n as usize {
                if clock.keeps(i) && (lens.roles || person[i] < *people) {
                    self.touches.push(Touch {
                        at: clock.at(i),
                        row: row[i],
                        person: person[i],
                        campaign: campaign[i],
                        direct: lens.direct.get(channel[i]),
                        responded: responded[i] != 0,
                    });
                }
            }
            from += *n as usize;
            start..self.touches.len() as u32
        });
        Ok(spans.collect())
    }

    /// Paid purchases; zero and negative orders do not count (A14.1).
    fn purchases(&mut self, chunk: &Chunk, lens: &Lens, counts: &[u32]) -> Result<Vec<Span>, EngineError> {
        let rows = chunk.table("purchases")?;
        let clock = Clock::of(&rows, lens)?;
        let (amount, currency) = (rows.cells::<Decimal128Type>("amount")?, rows.numbers::<UInt32Type>("currency")?);
        let event = |i: usize| {
            let paid = minor(amount, i, lens.currency.get(currency[i])).is_none_or(|m| m > 0);
            (paid && clock.keeps(i)).then(|| Purchase { at: clock.at(i) })
        };
        Ok(spans(counts, &mut self.purchases, event))
    }

    fn timeline(&self, group: usize) -> Timeline<'_> {
        let g = &self.groups[group];
        Timeline {
            people: &self.people[g.people.clone()],
            opportunities: &self.deals[g.deals.clone()],
            contacts: &self.contacts,
            person_stages: &self.person_stages,
            opportunity_stages: &self.deal_stages,
            touches: &self.touches[g.touches.clone()],
            activities: &self.activities,
            handoffs: &self.handoffs,
            owner_changes: &self.owners,
            amount_changes: &self.amounts,
            purchases: &self.purchases[g.purchases.clone()],
            is_account: g.is_account,
        }
    }
}

/// Groups of a chunk that give way to those of a patch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The group of the base before which each group of the patch comes.
    pub before: Vec<u32>,
    /// Groups of the base that give way, in order.
    pub dropped: Vec<u32>,
}

impl Replaced {
    /// As a patch says.
    ///
    /// # Errors
    /// When it does not.
    pub fn of(patch: &Chunk) -> Result<Self, EngineError> {
        let groups = |name: &'static str| -> Result<Vec<u32>, EngineError> { Ok(patch.table(name)?.numbers::<UInt32Type>("group")?.to_vec()) };
        Ok(Self { before: groups("before")?, dropped: groups("dropped")? })
    }
}

/// A chunk with the groups that take the place of some of its own, as the fold takes them.
#[derive(Debug)]
pub struct Merged {
    base: Slices,
    patch: Slices,
    replaced: Replaced,
}

impl Merged {
    /// What a view makes of a chunk and its patch. Without `base`, only the groups of the patch come.
    ///
    /// # Errors
    /// When the chunks have not the columns that they must have.
    pub fn new(base: Option<&Chunk>, patch: Option<&Chunk>, lens: &Lens) -> Result<Self, EngineError> {
        let slices = |chunk: Option<&Chunk>| chunk.map_or_else(|| Ok(Slices::default()), |c| Slices::new(c, lens));
        Ok(Self { base: slices(base)?, patch: slices(patch)?, replaced: patch.map_or_else(|| Ok(Replaced::default()), Replaced::of)? })
    }

    /// Timelines in order, each with its place among the groups of the base, if it is one of them.
    pub fn timelines(&self) -> impl Iterator<Item = (Option<u32>, Timeline<'_>)> {
        let (mut next, mut dropped) = (0, 0);
        let Replaced { before, dropped: gone } = &self.replaced;
        let all = self.base.groups.len();
        (0..=all).flat_map(move |group| {
            let from = next;
            // Where there is no base, all groups of the patch come.
            while next < before.len() && (before[next] as usize <= group || group == all) {
                next += 1;
            }
            let own = group < all && gone.get(dropped).is_none_or(|d| *d as usize != group);
            dropped += usize::from(group < all && !own);
            let new = (from..next).map(|i| (None, self.patch.timeline(i)));
            new.chain(own.then(|| (Some(group as u32), self.base.timeline(group))))
        })
    }
}

/// A missing instant lies before all time.
fn instant(column: &PrimitiveArray<Int64Type>, i: usize) -> Micros {
    Micros(if column.is_valid(i) { column.value(i) } else { i64::MIN / 4 })
}

fn minor(column: &PrimitiveArray<Decimal128Type>, i: usize, currency: Currency) -> Option<i64> {
    let scale = crate::record::MONEY.1;
    column.is_valid(i).then(|| minor_units(column.value(i), scale, u32::from(currency.exponent()))).flatten()
}
