//! Touched groups as the tables of the record would show them: everything by its place among them.

use super::changes::{ACCOUNT, Changes, DEAL, PERSON, naming};
use super::kept::{Deal, Kept, Person};
use super::now::{Home, Now};
use super::touched::Touched;
use crate::error::EngineError;
use crate::load::KINDS;
use crate::load::columns::{Texts, cell, decimals, instants};
use crate::load::decode::{self, Role};
use crate::load::entities::{Arranged, Entities, Group};
use crate::load::ids::Ids;
use crate::load::parts::Part;
use crate::load::place::{Events, Known};
use crate::load::vocab::{List, Vocabulary};
use crate::record::MONEY;
use datafusion::arrow::array::{Array, ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use datafusion::common::HashMap;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// Entities of the groups that are put together, by their places there.
pub struct Local {
    /// Numbers of people and opportunities.
    pub people: Vec<u32>,
    pub deals: Vec<u32>,
    /// Places of people, accounts and opportunities by number.
    pub places: [HashMap<u32, u32>; 3],
    pub groups: Vec<Group>,
    pub group_of_person: Vec<u32>,
}

impl Local {
    pub fn new(now: &Now, touched: &Touched, roles: &[Role]) -> Self {
        let mut people = touched.people.clone();
        // Whoever has a role in an opportunity has a place, if only to be told apart.
        people.extend(roles.iter().map(|r| r.person));
        let sorted = |kind: usize, all: &BTreeSet<u32>| -> Vec<(Home, u32)> {
            let mut list: Vec<(Home, u32)> = all.iter().map(|n| (now.home_now(kind, *n), *n)).collect();
            list.sort_by(|a, b| now.order(a.0).cmp(&now.order(b.0)).then_with(|| now.kinds[kind].id(a.1).cmp(now.kinds[kind].id(b.1))));
            list
        };
        let (people, deals) = (sorted(PERSON, &people), sorted(DEAL, &touched.deals));
        let ranges = |list: &[(Home, u32)]| -> HashMap<Home, Range<u32>> {
            let mut out: HashMap<Home, Range<u32>> = HashMap::new();
            for (place, (home, _)) in (0u32..).zip(list) {
                out.entry(*home).and_modify(|r| r.end = place + 1).or_insert(place..place + 1);
            }
            out
        };
        let (people_of, deals_of) = (ranges(&people), ranges(&deals));
        let mut group_of_person = vec![NONE; people.len()];
        let range = |of: &HashMap<Home, Range<u32>>, home: &Home| of.get(home).cloned().unwrap_or(0..0);
        let mut groups = Vec::with_capacity(touched.homes.len());
        for (g, home) in (0u32..).zip(&touched.homes) {
            let group = Group { people: range(&people_of, home), opportunities: range(&deals_of, home), is_account: matches!(home, Home::Account(_)) };
            group_of_person[group.people.start as usize..group.people.end as usize].fill(g);
            groups.push(group);
        }
        let places = |list: &[(Home, u32)]| (0u32..).zip(list).map(|(place, (_, number))| (*number, place)).collect();
        let accounts = touched.homes.iter().filter_map(|h| if let Home::Account(a) = h { Some(*a) } else { None });
        Self {
            places: [places(&people), accounts.zip(0..).collect(), places(&deals)],
            people: people.into_iter().map(|(_, n)| n).collect(),
            deals: deals.into_iter().map(|(_, n)| n).collect(),
            groups,
            group_of_person,
        }
    }

    pub fn place(&self, kind: usize, number: u32) -> u32 {
        self.places[kind].get(&number).copied().unwrap_or(NONE)
    }

    /// Ids that lead to places; only those of the base, if asked.
    pub fn known(&self, now: &Now, before: bool) -> Known {
        let ids = |kind: usize| {
            let all = now.kinds[kind].known.iter().filter(|(_, n)| !before || **n < now.kinds[kind].base);
            let own = all.filter_map(|(id, n)| Some((id.clone(), *self.places[kind].get(n)?))).collect();
            Arc::new(Ids::new(StringArray::new_null(0), own))
        };
        Known { people: ids(PERSON), accounts: ids(ACCOUNT), opportunities: ids(DEAL) }
    }

    /// Events of what is kept, by places.
    pub fn placed(&self, events: &mut Events) {
        let each = |kind: usize, parts: &mut Vec<Part>| {
            parts.iter_mut().flat_map(|p| &mut p.runs).for_each(|run| run.subject = self.place(kind, run.subject));
        };
        each(PERSON, &mut events.stages[0]);
        each(DEAL, &mut events.stages[1]);
        each(PERSON, &mut events.owners[0]);
        each(DEAL, &mut events.owners[1]);
        each(DEAL, &mut events.amounts);
        each(ACCOUNT, &mut events.purchases);
        for parts in [&mut events.handoffs, &mut events.activities, &mut events.touches] {
            each(PERSON, parts);
        }
        for role in &mut events.roles {
            (role.person, role.opportunity) = (self.place(PERSON, role.person), self.place(DEAL, role.opportunity));
        }
        decode::settle(&mut events.roles);
    }
}

/// What changed rows say of people, accounts or opportunities, by place.
pub fn rows_of<'a>(changes: &'a Changes, now: &'a Now, local: &'a Local, kind: usize) -> impl Iterator<Item = (&'a RecordBatch, usize, usize)> {
    changes.new[KINDS[kind]].iter().flat_map(move |(numbers, batch)| {
        let ids = Texts::of(batch, naming(KINDS[kind])[0].0);
        let own = move |row: usize| {
            let number = now.kinds[kind].number(ids.texts.value(ids.key(row)?));
            // The row of an id that was merged away is not the row of the survivor.
            let own = now.kinds[kind].rows.get(&number) == Some(&numbers.value(row));
            let place = local.place(kind, number);
            (own && place != NONE).then_some((batch, row, place as usize))
        };
        (0..batch.num_rows()).filter_map(own)
    })
}

/// Text of a cell.
pub fn said(batch: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let texts = Texts::of(batch, column);
    texts.key(row).map(|k| texts.texts.value(k).to_owned())
}

/// The rows of the entities of the groups, as the record would show them.
pub fn arranged(now: &Now, local: Local, touched: &Touched, kept: &Kept, changes: &Changes, vocabulary: &Vocabulary) -> Result<Arranged, EngineError> {
    let name = |list: List, code: u32| vocabulary.of(list).get(code).map(str::to_owned);
    let text = |cells: Vec<Option<String>>| -> ArrayRef { Arc::new(StringArray::from(cells)) };
    let time = |cells: Vec<Option<i64>>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(cells)) };
    let entities = |columns: Vec<(&str, ArrayRef)>| -> Result<Entities, EngineError> {
        let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))?;
        Ok(Entities { rows, order: None, ids: Arc::default() })
    };
    let people = {
        let own: Vec<Person> = local.people.iter().map(|n| kept.people.get(n).copied().unwrap_or(Person { created: None, campaign: NONE, owner: NONE })).collect();
        let mut created: Vec<Option<i64>> = own.iter().map(|p| p.created).collect();
        let mut campaign: Vec<Option<String>> = own.iter().map(|p| name(List::Campaigns, p.campaign)).collect();
        let mut owner: Vec<Option<String>> = own.iter().map(|p| name(List::Users, p.owner)).collect();
        for (batch, row, place) in rows_of(changes, now, &local, PERSON) {
            created[place] = cell(&instants(batch, "created_at"), row);
            campaign[place] = said(batch, "campaign_id", row);
            owner[place] = said(batch, "owner_id", row);
        }
        entities(vec![("created_at", time(created)), ("campaign_id", text(campaign)), ("owner_id", text(owner))])?
    };
    let opportunities = {
        let missing = Deal { created: None, amount: None, currency: NONE, kind: NONE, campaign: NONE, owner: NONE };
        let own: Vec<Deal> = local.deals.iter().map(|n| kept.deals.get(n).copied().unwrap_or(missing)).collect();
        let mut created: Vec<Option<i64>> = own.iter().map(|d| d.created).collect();
        let mut amount: Vec<Option<i128>> = own.iter().map(|d| d.amount).collect();
        let named = |list: List, code: fn(&Deal) -> u32| -> Vec<Option<String>> { own.iter().map(|d| name(list, code(d))).collect() };
        let mut texts = [
            ("currency", named(List::Currencies, |d| d.currency)),
            ("kind", named(List::DealKinds, |d| d.kind)),
            ("campaign_id", named(List::Campaigns, |d| d.campaign)),
            ("owner_id", named(List::Users, |d| d.owner)),
        ];
        for (batch, row, place) in rows_of(changes, now, &local, DEAL) {
            created[place] = cell(&instants(batch, "created_at"), row);
            amount[place] = decimals(batch, "amount").filter(|(a, _)| a.is_valid(row)).map(|(a, _)| a.value(row));
            for (column, cells) in &mut texts {
                cells[place] = said(batch, column, row);
            }
        }
        let amount: ArrayRef = Arc::new(Decimal128Array::from(amount).with_precision_and_scale(MONEY.0, MONEY.1)?);
        let mut columns = vec![("created_at", time(created)), ("amount", amount)];
        columns.extend(texts.into_iter().map(|(column, cells)| (column, text(cells))));
        entities(columns)?
    };
    let accounts = touched.homes.iter().filter_map(|h| if let Home::Account(a) = h { Some(now.kinds[ACCOUNT].id(*a).to_owned()) } else { None });
    let accounts = entities(vec![("account_id", text(accounts.map(Some).collect()))])?;
    Ok(Arranged {
        accounts,
        people,
        account_of_person: Vec::new(),
        opportunities,
        account_of_opportunity: Vec::new(),
        groups: local.groups,
        group_of_person: local.group_of_person,
    })
}

