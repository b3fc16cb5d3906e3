//! What is taken of the base: the people, opportunities and events of touched groups.

use super::changes::{ACCOUNT, DEAL, PERSON};
use super::now::Now;
use super::touched::{Guests, Touched, flags};
use crate::error::EngineError;
use crate::load::chunk::{Chunk, Rows};
use crate::load::decode::{self, Fields, Role};
use crate::load::parts::{Column, Part, RECORDED, Run};
use crate::load::place::Events;
use crate::load::timelines::Timelines;
use crate::record::par;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{Decimal128Type, Int64Type, UInt32Type};
use datafusion::common::HashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// What is kept of a person.
#[derive(Clone, Copy, Default)]
pub struct Person {
    pub created: Option<i64>,
    pub campaign: u32,
    pub owner: u32,
}

/// What is kept of an opportunity.
#[derive(Clone, Copy)]
pub struct Deal {
    pub created: Option<i64>,
    pub amount: Option<i128>,
    pub currency: u32,
    pub kind: u32,
    pub campaign: u32,
    pub owner: u32,
}

/// What is taken out of a chunk of the base, by numbers of the base.
#[derive(Default)]
pub struct Kept {
    pub people: HashMap<u32, Person>,
    pub deals: HashMap<u32, Deal>,
    pub events: Events,
}

/// What is wanted of a chunk of the base.
#[derive(Default)]
pub struct Wanted {
    /// Groups and people.
    pub people: Vec<(u32, u32)>,
    /// Groups and the people whose touches are taken from there.
    pub touches: BTreeMap<u32, Vec<u32>>,
    /// Groups and opportunities.
    pub deals: Vec<(u32, u32)>,
    /// Groups whose purchases are taken.
    pub purchases: Vec<u32>,
}

/// Sums of the numbers before each, and of all.
pub fn sums(counts: &[u32]) -> Vec<u32> {
    let mut all = Vec::with_capacity(counts.len() + 1);
    let mut sum = 0;
    all.push(0);
    for n in counts {
        sum += n;
        all.push(sum);
    }
    all
}

/// Runs of the rows of subjects, without those that are gone.
pub fn runs(rows: &Rows, wanted: impl Iterator<Item = (u32, Range<u32>)>, gone: &[u32]) -> Result<Vec<Run>, EngineError> {
    let row = rows.numbers::<UInt32Type>("row")?;
    let mut out: Vec<Run> = Vec::new();
    for (subject, range) in wanted {
        if gone.is_empty() {
            if !range.is_empty() {
                out.push(Run { subject, from: range.start, to: range.end });
            }
            continue;
        }
        for i in range.filter(|i| gone.binary_search(&row[*i as usize]).is_err()) {
            match out.last_mut().filter(|r| r.subject == subject && r.to == i) {
                Some(run) => run.to += 1,
                None => out.push(Run { subject, from: i, to: i + 1 }),
            }
        }
    }
    Ok(out)
}

/// Rows of a table of a chunk as events of some subjects, and no others: chunks are large.
pub fn part(rows: &Rows, of: Fields, mut runs: Vec<Run>) -> Result<Part, EngineError> {
    let wanted = UInt32Array::from_iter_values(runs.iter().flat_map(|r| r.from..r.to));
    let columns = of.iter().map(|(name, _)| Ok(Column::Plain(take(rows.column(name)?, &wanted, None)?))).collect::<Result<_, EngineError>>()?;
    let recorded = RECORDED.map(|name| rows.column(name).ok().map(|c| take(c, &wanted, None)).transpose());
    let [recorded, seq] = recorded;
    let mut next = 0;
    for run in &mut runs {
        (run.from, run.to) = (next, next + run.to - run.from);
        next = run.to;
    }
    runs.dedup_by(|run, last| {
        let same = run.subject == last.subject;
        last.to = if same { run.to } else { last.to };
        same
    });
    Ok(Part { rows: wanted.len(), columns, recorded: [recorded?, seq?], origin: None, runs, lost: 0 })
}

impl Wanted {
    /// Takes it out of a chunk that begins with a group.
    pub fn take(&self, chunk: &Chunk, first: u32, gone: &BTreeMap<&'static str, Vec<u32>>) -> Result<Kept, EngineError> {
        let mut kept = Kept::default();
        let groups = chunk.table("groups")?;
        let size = |name: &str| groups.numbers::<UInt32Type>(name);
        let both = |a: &[u32], b: &[u32]| -> Vec<u32> { sums(&a.iter().zip(b).map(|(a, b)| a + b).collect::<Vec<_>>()) };
        let own = size("people")?;
        let people_at = both(own, size("guests")?);
        let own_deals = size("opportunities")?;
        let deals_at = both(own_deals, size("guest_opportunities")?);
        let (touches_at, purchases_at) = (sums(size("touches")?), sums(size("purchases")?));
        let gone = |table: &str| gone.get(table).map_or(&[] as &[u32], Vec::as_slice);

        let people = chunk.table("people")?;
        let ids = people.numbers::<UInt32Type>("id")?;
        // Members of a group stand in the order of their numbers.
        let place = |ids: &[u32], at: &[u32], own: &[u32], group: u32, number: u32| -> Result<usize, EngineError> {
            let g = (group - first) as usize;
            let from = at[g] as usize;
            let found = ids[from..from + own[g] as usize].binary_search(&number);
            found.map(|i| from + i).map_err(|_| EngineError::Ask("kept timelines lack a member of a group; this is a defect of Treaty".to_owned()))
        };
        let (created, campaign, owner) = (people.cells::<Int64Type>("created")?, people.numbers::<UInt32Type>("campaign")?, people.numbers::<UInt32Type>("owner")?);
        let mut rows: Vec<(u32, usize)> = Vec::with_capacity(self.people.len());
        for (group, person) in &self.people {
            let row = place(ids, &people_at, own, *group, *person)?;
            let created = created.is_valid(row).then(|| created.value(row));
            kept.people.insert(*person, Person { created, campaign: campaign[row], owner: owner[row] });
            rows.push((*person, row));
        }
        let of = |rows: &[(u32, usize)], counts: &[u32]| -> Vec<(u32, Range<u32>)> {
            let at = sums(counts);
            rows.iter().map(|(subject, row)| (*subject, at[*row]..at[*row + 1])).collect()
        };
        let events = |name: &'static str, fields: Fields, wanted: Vec<(u32, Range<u32>)>, table: &str| -> Result<Part, EngineError> {
            let rows = chunk.table(name)?;
            let runs = runs(&rows, wanted.into_iter(), gone(table))?;
            part(&rows, fields, runs)
        };
        let count = |name: &str| people.numbers::<UInt32Type>(name);
        kept.events.stages[0].push(events("person_stages", decode::STAGES, of(&rows, count("stages")?), "stage_changes")?);
        kept.events.activities.push(events("activities", decode::ACTIVITIES, of(&rows, count("activities")?), "activities")?);
        kept.events.handoffs.push(events("handoffs", decode::HANDOFFS, of(&rows, count("handoffs")?), "handoffs")?);
        kept.events.owners[0].push(events("person_owners", decode::OWNERS, of(&rows, count("owners")?), "field_changes")?);

        let deals = chunk.table("opportunities")?;
        let deal_ids = deals.numbers::<UInt32Type>("id")?;
        let count = |name: &str| deals.numbers::<UInt32Type>(name);
        let contacts = chunk.table("contacts")?;
        let contacts_at = sums(count("contacts")?);
        let contact = contacts.numbers::<UInt32Type>("person")?;
        let is_primary = contacts.column("is_primary")?.as_boolean();
        let (created, amount) = (deals.cells::<Int64Type>("created")?, deals.cells::<Decimal128Type>("amount")?);
        let mut rows: Vec<(u32, usize)> = Vec::with_capacity(self.deals.len());
        for (group, deal) in &self.deals {
            let row = place(deal_ids, &deals_at, own_deals, *group, *deal)?;
            rows.push((*deal, row));
            let cell = |name: &str| -> Result<u32, EngineError> { Ok(count(name)?[row]) };
            kept.deals.insert(
                *deal,
                Deal {
                    created: created.is_valid(row).then(|| created.value(row)),
                    amount: amount.is_valid(row).then(|| amount.value(row)),
                    currency: cell("currency")?,
                    kind: cell("kind")?,
                    campaign: cell("campaign")?,
                    owner: cell("owner")?,
                },
            );
            let from = people_at[(*group - first) as usize];
            for i in contacts_at[row]..contacts_at[row + 1] {
                let local = contact[i as usize];
                if local != NONE {
                    let person = ids[(from + local) as usize];
                    kept.events.roles.push(Role { opportunity: *deal, person, is_primary: is_primary.value(i as usize) });
                }
            }
        }
        kept.events.stages[1].push(events("opportunity_stages", decode::STAGES, of(&rows, count("stages")?), "stage_changes")?);
        kept.events.owners[1].push(events("opportunity_owners", decode::OWNERS, of(&rows, count("owners")?), "field_changes")?);
        kept.events.amounts.push(events("amounts", decode::AMOUNTS, of(&rows, count("amounts")?), "field_changes")?);

        let account = |group: &u32| {
            let g = (*group - first) as usize;
            (*group, purchases_at[g]..purchases_at[g + 1])
        };
        kept.events.purchases.push(events("purchases", decode::PURCHASES, self.purchases.iter().map(account).collect(), "purchases")?);

        // Touches of a group are in the order of time, so those of a person lie apart.
        let touches = chunk.table("touches")?;
        let person = touches.numbers::<UInt32Type>("person")?;
        let mut wanted: Vec<(u32, Range<u32>)> = Vec::new();
        for (group, people) in &self.touches {
            let g = (*group - first) as usize;
            let own = &ids[people_at[g] as usize..people_at[g + 1] as usize];
            let subjects: Vec<u32> = own.iter().map(|id| if people.contains(id) { *id } else { NONE }).collect();
            let rows = touches_at[g]..touches_at[g + 1];
            wanted.extend(rows.map(|i| (subjects[person[i as usize] as usize], i..i + 1)).filter(|(subject, _)| *subject != NONE));
        }
        wanted.sort_by_key(|(subject, _)| *subject);
        let runs = runs(&touches, wanted.into_iter(), gone("touchpoints"))?;
        // They were in order among all touches of their group.
        let mut group = 0;
        let places = runs.iter().flat_map(|r| r.from..r.to).map(|row| {
            if !(touches_at[group]..touches_at[group + 1]).contains(&row) {
                group = touches_at.partition_point(|at| *at <= row) - 1;
            }
            i64::from(first + group as u32) << 32 | i64::from(row)
        });
        let origin: ArrayRef = Arc::new(Int64Array::from_iter_values(places));
        kept.events.touches.push(Part { origin: Some(origin), ..part(&touches, decode::TOUCHES, runs)? });
        Ok(kept)
    }
}
impl Kept {
    /// Takes everything that is wanted out of the chunks of the base.
    pub fn of(base: &Timelines, now: &Now, touched: &Touched, guests: &Guests, gone: &BTreeMap<&'static str, Vec<u32>>) -> Result<(Self, BTreeSet<u32>), EngineError> {
        let cuts = &base.contents.cuts;
        let chunk_of = |group: u32| cuts.partition_point(|c| *c <= group).saturating_sub(1);
        let mut wanted: BTreeMap<usize, Wanted> = BTreeMap::new();
        let mut without_touches = BTreeSet::new();
        let mut elsewhere: HashMap<u32, u32> = HashMap::new();
        let among = flags(&touched.people, now.kinds[PERSON].base);
        for (group, person) in guests.pairs(0).filter(|(_, person)| among[*person as usize]) {
            elsewhere.entry(person).and_modify(|g| *g = group.min(*g)).or_insert(group);
        }
        for person in touched.people.iter().filter(|p| **p < now.kinds[PERSON].base) {
            let group = now.group_before(PERSON, *person);
            wanted.entry(chunk_of(group)).or_default().people.push((group, *person));
            let account = now.kinds[PERSON].account_before(*person);
            let has_deals = account != NONE && !now.kinds[DEAL].range(account).is_empty();
            match has_deals.then_some(group).or_else(|| elsewhere.get(person).copied()) {
                Some(group) => wanted.entry(chunk_of(group)).or_default().touches.entry(group).or_default().push(*person),
                None => _ = without_touches.insert(*person),
            }
        }
        for deal in touched.deals.iter().filter(|d| **d < now.kinds[DEAL].base) {
            let group = now.group_before(DEAL, *deal);
            wanted.entry(chunk_of(group)).or_default().deals.push((group, *deal));
        }
        for group in touched.dropped.iter().filter(|g| **g < now.kinds[ACCOUNT].base) {
            wanted.entry(chunk_of(*group)).or_default().purchases.push(*group);
        }
        let taken = par::try_map(wanted.into_iter().collect(), |(number, wanted)| wanted.take(&base.chunk(number)?, cuts[number], gone))?;
        let mut all = Self::default();
        for one in taken {
            all.people.extend(one.people);
            all.deals.extend(one.deals);
            all.events.add(one.events);
        }
        Ok((all, without_touches))
    }
}

