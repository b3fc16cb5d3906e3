//! Puts what was decoded under accounts, and whole accounts into chunks.

use super::chunk::{Chunk, Table, fields};
use super::columns::{Texts, instants};
use super::decode::{self, Role};
use super::entities::{Arranged, Entities};
use super::ordered::{EventIds, Ordered};
use super::parts::{self, Part, Piece, Placed};
use super::place::Events;
use super::timelines::{Columns, Contents, Counted, Timelines};
use super::vocab::{List, Met, Vocabulary};
use crate::error::EngineError;
use crate::record::par;
use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, UInt32Array, new_null_array,
};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// Work in one chunk: people plus four for each opportunity. Tests have few of them.
const CHUNK: u64 = if cfg!(test) { 12 } else { 65_536 };

/// Columns of an entity table that chunks hold.
struct Own {
    created: Int64Array,
    campaign: UInt32Array,
    owner: UInt32Array,
}

/// Everything that was decoded, under the accounts to which it belongs.
pub struct Placer {
    a: Arranged,
    vocabulary: Vocabulary,
    roles: Vec<Role>,
    /// Opportunities of other groups whose primary contact is one of the people of a group.
    guest_deals: Pairs,
    /// People of other groups with a role in the opportunities of a group.
    guests: Pairs,
    people: Own,
    deals: Own,
    amount: ArrayRef,
    currency: UInt32Array,
    kind: UInt32Array,
    stages: [Placed; 2],
    handoffs: Placed,
    activities: Placed,
    owners: [Placed; 2],
    amounts: Placed,
    purchases: Placed,
    touches: Placed,
    lost_roles: u64,
    by_deal: u64,
    /// Numbers of people and opportunities in the timelines, where they are not those of their places here.
    numbers: Option<[Vec<u32>; 2]>,
}

impl Placer {
    /// Places what was decoded. `vocabulary` gives the names that were met their places. People and
    /// opportunities may have other numbers in the timelines than here.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn new(
        a: Arranged,
        e: Events,
        vocabulary: impl FnOnce(Met<'_>) -> Vocabulary,
        numbers: Option<[Vec<u32>; 2]>,
    ) -> Result<Self, EngineError> {
        let rows = (&a.people.rows, &a.opportunities.rows);
        let texts = |rows: &RecordBatch, name: &str| Texts::of(rows, name);
        let named = [
            (List::Campaigns, texts(rows.0, "campaign_id")),
            (List::Users, texts(rows.0, "owner_id")),
            (List::Campaigns, texts(rows.1, "campaign_id")),
            (List::Users, texts(rows.1, "owner_id")),
            (List::Currencies, texts(rows.1, "currency")),
            (List::DealKinds, texts(rows.1, "kind")),
        ];
        let vocabulary = {
            let mut met = Met::default();
            named.iter().for_each(|(list, t)| met.see(*list, t));
            for parts in e.stages.iter().chain(&e.owners).chain([&e.handoffs, &e.activities, &e.purchases, &e.touches]) {
                parts::see(&mut met, parts);
            }
            vocabulary(met)
        };
        let codes: Vec<UInt32Array> = named
            .iter()
            .map(|(list, t)| {
                let of_text: Vec<u32> = t.texts.iter().map(|n| n.and_then(|n| vocabulary.of(*list).find(n)).unwrap_or(NONE)).collect();
                UInt32Array::from(t.spread(&of_text))
            })
            .collect();
        let created = |rows: &RecordBatch| instants(rows, "created_at").map_or_else(|| Int64Array::new_null(rows.num_rows()), |c| c.reinterpret_cast());
        let own = |rows: &RecordBatch, at: usize| Own { created: created(rows), campaign: codes[at].clone(), owner: codes[at + 1].clone() };
        let amount = rows.1.column_by_name("amount").map_or_else(|| new_null_array(&DataType::Decimal128(20, 4), rows.1.num_rows()), Arc::clone);
        let (people, deals) = (own(rows.0, 0), own(rows.1, 2));
        let (p, o, n) = (a.people.len(), a.opportunities.len(), a.accounts.len());
        let ([stages_p, stages_o], [owners_p, owners_o]) = (e.stages, e.owners);
        // Those that take longest first.
        let kinds: Vec<(usize, decode::Fields, Vec<Part>)> = vec![
            (p, decode::TOUCHES, e.touches),
            (p, decode::ACTIVITIES, e.activities),
            (p, decode::STAGES, stages_p),
            (o, decode::STAGES, stages_o),
            (p, decode::HANDOFFS, e.handoffs),
            (p, decode::OWNERS, owners_p),
            (o, decode::OWNERS, owners_o),
            (o, decode::AMOUNTS, e.amounts),
            (n, decode::PURCHASES, e.purchases),
        ];
        let placed = par::try_map(kinds, |(subjects, fields, parts)| Placed::new(subjects, fields, parts, &vocabulary))?;
        let Ok([touches, activities, stages_p, stages_o, handoffs, owners_p, owners_o, amounts, purchases]) = <[Placed; 9]>::try_from(placed) else {
            return Err(EngineError::Ask("a kind of event has no place; this is a defect of Treaty".to_owned()));
        };
        let [guest_deals, guests] = guests(&a, &e.roles);
        Ok(Self {
            people,
            deals,
            amount,
            currency: codes[4].clone(),
            kind: codes[5].clone(),
            stages: [stages_p, stages_o],
            handoffs,
            activities,
            owners: [owners_p, owners_o],
            amounts,
            purchases,
            touches,
            roles: e.roles,
            lost_roles: e.lost_roles,
            by_deal: e.by_deal,
            guest_deals,
            guests,
            vocabulary,
            numbers,
            a,
        })
    }

    /// Names by their places.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What could not be placed.
    pub fn counted(&self) -> Counted {
        Counted {
            touchpoints: self.touches.lost,
            activities: self.activities.lost,
            stage_changes: self.stages[0].lost,
            handoffs: self.handoffs.lost,
            contacts: self.lost_roles,
            field_changes: self.owners[0].lost + self.owners[1].lost + self.amounts.lost,
            by_deal: self.by_deal,
            stages: Vec::new(),
        }
    }

    /// Groups at which chunks begin, and the end.
    pub fn cuts(&self) -> Vec<usize> {
        let groups = &self.a.groups;
        let (mut cuts, mut before) = (vec![0usize], 0);
        for (g, group) in groups.iter().enumerate() {
            let weight = u64::from(group.people.start) + 4 * u64::from(group.opportunities.start);
            if weight - before > CHUNK {
                cuts.push(g);
                before = weight;
            }
        }
        cuts.push(groups.len());
        cuts
    }

    /// A bound of the touches of some groups.
    pub fn touches_in(&self, groups: Range<usize>) -> usize {
        let people = self.a.groups[groups].iter().flat_map(|g| g.people.clone());
        people.flat_map(|p| self.touches.pieces(p)).map(Piece::len).sum()
    }

    /// Puts the groups of a chunk together.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn assemble(&self, groups: Range<usize>) -> Result<Assembled, EngineError> {
        let mut sizes = Sizes::default();
        let (mut people, mut deals, mut contacts) = (Vec::new(), Vec::new(), (Vec::new(), Vec::new()));
        let (mut contact_counts, mut bought, mut touched) = (Vec::new(), Vec::new(), Vec::new());
        let mut locals: Vec<u32> = Vec::new();
        for g in groups {
            let group = &self.a.groups[g];
            let (guests, guest_deals) = (cut(&self.guests, g as u32), cut(&self.guest_deals, g as u32));
            let members = group.people.clone().chain(guests.iter().map(|(_, p)| *p));
            let first = people.len();
            people.extend(members.clone().map(|p| (p, !group.people.contains(&p))));
            sizes.people.push(group.people.len() as u32);
            sizes.guests.push(guests.len() as u32);
            sizes.deals.push(group.opportunities.len() as u32);
            sizes.guest_deals.push(guest_deals.len() as u32);
            sizes.is_account.push(group.is_account);
            let local_of = |person: u32| -> u32 {
                if group.people.contains(&person) {
                    return person - group.people.start;
                }
                guests.binary_search_by_key(&person, |(_, p)| *p).map_or(NONE, |i| (group.people.len() + i) as u32)
            };
            for o in group.opportunities.clone().chain(guest_deals.iter().map(|(_, o)| *o)) {
                deals.push(o);
                let from = self.roles.partition_point(|r| r.opportunity < o);
                let own = self.roles[from..].iter().take_while(|r| r.opportunity == o);
                let before = contacts.0.len();
                for role in own {
                    contacts.0.push(local_of(role.person));
                    contacts.1.push(role.is_primary);
                }
                contact_counts.push((contacts.0.len() - before) as u32);
            }
            let before = touched.len();
            // Touches matter to opportunities alone.
            if !group.opportunities.is_empty() {
                for (local, (p, _)) in people[first..].iter().enumerate() {
                    touched.extend_from_slice(self.touches.pieces(*p));
                    locals.resize(touched.len(), local as u32);
                }
            }
            sizes.touches.push(touched[before..].iter().map(Piece::len).sum::<usize>() as u32);
            let before = bought.len();
            if group.is_account {
                bought.extend_from_slice(self.purchases.pieces(g as u32));
            }
            sizes.purchases.push(bought[before..].iter().map(Piece::len).sum::<usize>() as u32);
        }
        let numbers = |list: Vec<u32>| -> ArrayRef { Arc::new(UInt32Array::from(list)) };
        let own: Vec<u32> = people.iter().map(|(p, guest)| if *guest { NONE } else { *p }).collect();
        let ids = UInt32Array::from_iter_values(people.iter().map(|(p, _)| *p));
        let (stages, stage_counts) = events(("person_stages", "stage_changes"), &self.stages[0], &own)?;
        let (activities, activity_counts) = events(("activities", "activities"), &self.activities, &own)?;
        let (handoffs, handoff_counts) = events(("handoffs", "handoffs"), &self.handoffs, &own)?;
        let (owners, owner_counts) = events(("person_owners", "field_changes"), &self.owners[0], &own)?;
        let picked = |column: &dyn Array, at: &UInt32Array| -> Result<ArrayRef, EngineError> { Ok(take(column, at, None)?) };
        let people_table: Table = (
            "people",
            fields(&[
                ("id", DataType::UInt32),
                ("created", DataType::Int64),
                ("campaign", DataType::UInt32),
                ("owner", DataType::UInt32),
                ("stages", DataType::UInt32),
                ("activities", DataType::UInt32),
                ("handoffs", DataType::UInt32),
                ("owners", DataType::UInt32),
            ]),
            vec![
                self.number(0, &ids),
                picked(&self.people.created, &ids)?,
                picked(&self.people.campaign, &ids)?,
                picked(&self.people.owner, &ids)?,
                numbers(stage_counts),
                numbers(activity_counts),
                numbers(handoff_counts),
                numbers(owner_counts),
            ],
        );
        let (deal_stages, deal_stage_counts) = events(("opportunity_stages", "stage_changes"), &self.stages[1], &deals)?;
        let (deal_owners, deal_owner_counts) = events(("opportunity_owners", "field_changes"), &self.owners[1], &deals)?;
        let (amounts, amount_counts) = events(("amounts", "field_changes"), &self.amounts, &deals)?;
        let values = values(&stages, &deal_stages, &sizes, &deal_stage_counts);
        let ids = UInt32Array::from(deals);
        let deal_table: Table = (
            "opportunities",
            fields(&[
                ("id", DataType::UInt32),
                ("created", DataType::Int64),
                ("amount", self.amount.data_type().clone()),
                ("currency", DataType::UInt32),
                ("kind", DataType::UInt32),
                ("campaign", DataType::UInt32),
                ("owner", DataType::UInt32),
                ("stages", DataType::UInt32),
                ("contacts", DataType::UInt32),
                ("amounts", DataType::UInt32),
                ("owners", DataType::UInt32),
            ]),
            vec![
                self.number(1, &ids),
                picked(&self.deals.created, &ids)?,
                picked(&self.amount, &ids)?,
                picked(&self.currency, &ids)?,
                picked(&self.kind, &ids)?,
                picked(&self.deals.campaign, &ids)?,
                picked(&self.deals.owner, &ids)?,
                numbers(deal_stage_counts),
                numbers(contact_counts),
                numbers(amount_counts),
                numbers(deal_owner_counts),
            ],
        );
        let contact_table: Table = (
            "contacts",
            fields(&[("person", DataType::UInt32), ("is_primary", DataType::Boolean)]),
            vec![numbers(contacts.0), Arc::new(BooleanArray::from(contacts.1))],
        );
        let touches = Ordered::touches(&self.touches, &touched, &locals, &sizes.touches, self.numbers.is_some())?;
        let purchases = Ordered::events(("purchases", "purchases"), &self.purchases, &bought, &sizes.purchases)?;
        let tables = vec![sizes.table(), people_table, deal_table, contact_table];
        let lists = vec![stages, deal_stages, activities, handoffs, owners, deal_owners, amounts, purchases, touches];
        Ok(Assembled { tables, lists, values })
    }

    /// Numbers in the timelines of people (0) or opportunities (1).
    fn number(&self, kind: usize, places: &UInt32Array) -> ArrayRef {
        Arc::new(match &self.numbers {
            None => places.clone(),
            Some(numbers) => places.values().iter().map(|p| numbers[kind].get(*p as usize).copied()).collect(),
        })
    }

    /// What belongs to all chunks. `numbers` are those of the rows of people, accounts and opportunities in
    /// the order in which they were read.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn timelines(self, contents: Contents, numbers: [Option<UInt32Array>; 3]) -> Result<Timelines, EngineError> {
        let a = &self.a;
        let [of_people, of_accounts, of_deals] = numbers;
        let row = |e: &Entities, numbers: Option<UInt32Array>| -> Result<ArrayRef, EngineError> {
            let order = e.order.clone().unwrap_or_else(|| UInt32Array::from_iter_values(0..e.len() as u32));
            match numbers {
                Some(numbers) => Ok(take(&numbers, &order, None)?),
                None => Ok(Arc::new(order)),
            }
        };
        let text = |rows: &RecordBatch, name: &str| -> Result<ArrayRef, EngineError> {
            match rows.column_by_name(name) {
                Some(c) => Ok(cast(c, &DataType::Utf8)?),
                None => Ok(Arc::new(StringArray::new_null(rows.num_rows()))),
            }
        };
        let list = |v: &[u32]| -> ArrayRef { Arc::new(UInt32Array::from(v.to_vec())) };
        let pairs = |pairs: &Pairs, name: &'static str| -> Columns {
            let column = |of: fn(&(u32, u32)) -> u32| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(pairs.iter().map(of))) };
            vec![("group", column(|p| p.0)), (name, column(|p| p.1))]
        };
        let entities = BTreeMap::from([
            ("guests", pairs(&self.guests, "person")),
            ("guest_opportunities", pairs(&self.guest_deals, "opportunity")),
            (
                "people",
                vec![
                    ("id", text(&a.people.rows, "person_id")?),
                    ("account", list(&a.account_of_person)),
                    ("campaign", Arc::new(self.people.campaign.clone()) as ArrayRef),
                    ("row", row(&a.people, of_people)?),
                ],
            ),
            ("accounts", vec![("id", text(&a.accounts.rows, "account_id")?), ("row", row(&a.accounts, of_accounts)?)]),
            (
                "opportunities",
                vec![
                    ("id", text(&a.opportunities.rows, "opportunity_id")?),
                    ("account", list(&a.account_of_opportunity)),
                    ("row", row(&a.opportunities, of_deals)?),
                ],
            ),
        ]);
        Ok(Timelines::new(self.vocabulary, entities, contents))
    }
}

/// Events of subjects, and how many each has. [`NONE`] has none.
fn events(names: (&'static str, &'static str), placed: &Placed, subjects: &[u32]) -> Result<(Ordered, Vec<u32>), EngineError> {
    let mut pieces = Vec::with_capacity(subjects.len());
    let counts: Vec<u32> = subjects
        .iter()
        .map(|subject| {
            let own = placed.pieces(*subject);
            pieces.extend_from_slice(own);
            own.iter().map(Piece::len).sum::<usize>() as u32
        })
        .collect();
    Ok((Ordered::events(names, placed, &pieces, &counts)?, counts))
}

/// Counts stage values; those without a value are counted first.
fn count_values(values: &[u32], counts: &mut Vec<u64>) {
    for value in values {
        let at = value.wrapping_add(1) as usize;
        if counts.len() <= at {
            counts.resize(at + 1, 0);
        }
        counts[at] += 1;
    }
}

/// How often each stage value occurs: of people, and of the opportunities that belong to the chunk.
fn values(people: &Ordered, deals: &Ordered, sizes: &Sizes, events: &[u32]) -> Vec<u64> {
    let mut counts = Vec::new();
    count_values(people.numbers("value"), &mut counts);
    let (mut deal, mut row) = (0, 0);
    for (own, guests) in sizes.deals.iter().zip(&sizes.guest_deals) {
        let of = |from: usize, n: u32| events[from..from + n as usize].iter().sum::<u32>() as usize;
        let rows = of(deal, *own);
        count_values(&deals.numbers("value")[row..row + rows], &mut counts);
        row += rows + of(deal + *own as usize, *guests);
        deal += (own + guests) as usize;
    }
    counts
}

/// Groups, and what takes part in them, in order.
type Pairs = Vec<(u32, u32)>;

/// Whoever takes part in groups from elsewhere: opportunities whose primary contact is one of a
/// group's people, and people with a role in its opportunities.
fn guests(a: &Arranged, roles: &[Role]) -> [Pairs; 2] {
    let mut group_of_deal = vec![NONE; a.opportunities.len()];
    for (g, group) in a.groups.iter().enumerate() {
        for o in group.opportunities.clone() {
            group_of_deal[o as usize] = g as u32;
        }
    }
    let (mut deals, mut people) = (Vec::new(), Vec::new());
    for r in roles {
        let (home, group) = (group_of_deal[r.opportunity as usize], a.group_of_person[r.person as usize]);
        if home == group {
            continue;
        }
        if decode::primary(roles, r.opportunity) == r.person {
            deals.push((group, r.opportunity));
        }
        people.push((home, r.person));
    }
    for list in [&mut deals, &mut people] {
        list.sort_unstable();
        list.dedup();
    }
    [deals, people]
}

fn cut(pairs: &[(u32, u32)], group: u32) -> &[(u32, u32)] {
    let from = pairs.partition_point(|(g, _)| *g < group);
    let to = from + pairs[from..].partition_point(|(g, _)| *g == group);
    &pairs[from..to]
}

/// Sizes of the groups of a chunk.
#[derive(Default)]
struct Sizes {
    people: Vec<u32>,
    guests: Vec<u32>,
    deals: Vec<u32>,
    guest_deals: Vec<u32>,
    touches: Vec<u32>,
    purchases: Vec<u32>,
    is_account: Vec<bool>,
}

impl Sizes {
    fn table(self) -> Table {
        let numbers = |list: Vec<u32>| -> ArrayRef { Arc::new(UInt32Array::from(list)) };
        let names = ["people", "guests", "opportunities", "guest_opportunities", "touches", "purchases"];
        let mut of: Vec<FieldRef> = fields(&names.map(|n| (n, DataType::UInt32)));
        of.extend(fields(&[("is_account", DataType::Boolean)]));
        let mut columns: Vec<ArrayRef> =
            [self.people, self.guests, self.deals, self.guest_deals, self.touches, self.purchases].map(numbers).to_vec();
        columns.push(Arc::new(BooleanArray::from(self.is_account)));
        ("groups", of, columns)
    }
}

/// A chunk but for the last word on the order of its events.
pub struct Assembled {
    tables: Vec<Table>,
    /// Its events.
    pub lists: Vec<Ordered>,
    /// How often each stage value occurs.
    pub values: Vec<u64>,
}

impl Assembled {
    /// The chunk, with the ids of undecided events, and with further tables.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn finish(mut self, ids: &EventIds, more: Vec<Table>) -> Result<Chunk, EngineError> {
        let lists = self.lists.into_iter().map(|list| list.finish(ids)).collect::<Result<Vec<_>, _>>()?;
        self.tables.extend(lists);
        self.tables.extend(more);
        Chunk::new(self.tables)
    }
}
