//! Timelines of a version that differs little from one whose timelines are kept. Only the groups that
//! a change touches are put together again, from what is kept of them and the rows that came and
//! went. All others stay as they are: people, opportunities and names keep their numbers, and new
//! ones come behind them.

use super::KINDS;
use super::assemble::Placer;
use super::chunk::{Chunk, Rows, Table, fields};
use super::columns::{Texts, cell, decimals, instants};
use super::decode::{self, Fields, Role};
use super::entities::{Arranged, Entities, Group};
use super::ids::Ids;
use super::merges::Merges;
use super::parts::{Column, Part, RECORDED, Run};
use super::place::{Cast, Decoded, Events, Known, NUMBERED, Numberings, columns};
use super::timelines::{Columns, Contents, Counted, Source, Timelines};
use super::vocab::{List, Vocabulary};
use crate::error::EngineError;
use crate::record::{Difference, MONEY, Record, par};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type, UInt32Type};
use datafusion::common::{HashMap, HashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use treaty_domain::timeline::NONE;

/// Timelines with patches of the chunks that a change touches.
pub struct Patch {
    /// Names, entities and contents; without chunks.
    pub timelines: Timelines,
    /// Patches by the numbers of their chunks.
    pub chunks: Vec<(usize, Chunk)>,
}

/// A change of more than this part of a table is no small one.
const SHARE: u64 = 8;
/// But so many rows always are few.
const FEW: u64 = 1_000;

/// Rows of one kind of difference, by table.
type Read = BTreeMap<&'static str, Vec<(UInt32Array, RecordBatch)>>;

/// The three kinds of entities, as positions in lists of them.
const PERSON: usize = 0;
const ACCOUNT: usize = 1;
const DEAL: usize = 2;

/// What merges call them.
const SUBJECTS: [&str; 3] = ["person", "account", "opportunity"];

/// Columns that name entities of a kind.
fn naming(table: &str) -> &'static [(&'static str, usize)] {
    match table {
        "people" => &[("person_id", PERSON), ("account_id", ACCOUNT)],
        "accounts" | "purchases" => &[("account_id", ACCOUNT)],
        "opportunities" => &[("opportunity_id", DEAL), ("account_id", ACCOUNT)],
        "opportunity_contacts" | "activities" => &[("opportunity_id", DEAL), ("person_id", PERSON)],
        "stage_changes" | "field_changes" => &[("subject_id", PERSON), ("subject_id", DEAL)],
        _ => &[("person_id", PERSON)],
    }
}

/// What two versions differ in.
struct Changes {
    /// Numbers of the rows that are gone, by table.
    gone: BTreeMap<&'static str, Vec<u32>>,
    /// These rows.
    old: Read,
    /// Rows that came.
    new: Read,
}

impl Changes {
    /// Reads them; none when they are many.
    async fn read(record: &Record, source: &Source, base: &Timelines, numberings: &Numberings) -> Result<Option<Self>, EngineError> {
        let mut out = Self { gone: BTreeMap::new(), old: Read::new(), new: Read::new() };
        let (before, after) = (base.contents.version, source.version);
        for table in NUMBERED {
            let numbering = numberings.of(table);
            let most = (numbering.rows() / SHARE).max(FEW);
            let Some(Difference { gone, come }) = record.difference(table, [before, after], numbering, most).await? else { return Ok(None) };
            out.old.insert(table, record.pick(table, before, numbering, &gone, columns(table)).await?);
            let mut new = record.pick(table, after, numbering, &come, columns(table)).await?;
            if table == "people" {
                // Who belongs to an account by identity alone.
                for (_, rows) in &mut new {
                    *rows = crate::identity::settle(rows.clone(), &source.merge_rows)?;
                }
            }
            out.new.insert(table, new);
            out.gone.insert(table, gone);
        }
        Ok(Some(out))
    }
}

/// Texts of a column of batches, of which some may come more than once.
fn texts(batches: &[(UInt32Array, RecordBatch)], column: &str) -> Vec<String> {
    batches.iter().flat_map(|(_, batch)| Texts::of(batch, column).texts.iter().flatten().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Entities of a kind.
#[derive(Default)]
struct Kind {
    /// How many the base has.
    base: u32,
    /// Their ids.
    ids: Option<StringArray>,
    /// Ids that came, in order; they are numbered behind.
    new: Vec<String>,
    /// Numbers of all ids that changes name, those that were merged away included.
    known: HashMap<String, u32>,
    /// Row of the record of those whose own row came.
    rows: HashMap<u32, u32>,
    /// Account of people and opportunities whose row came.
    account: HashMap<u32, u32>,
    /// Account of each in the base.
    base_account: Option<UInt32Array>,
}

impl Kind {
    fn id(&self, number: u32) -> &str {
        match (&self.ids, number.checked_sub(self.base)) {
            (Some(ids), None) => ids.value(number as usize),
            (_, Some(new)) => self.new.get(new as usize).map_or("", String::as_str),
            (None, None) => "",
        }
    }

    fn number(&self, id: &str) -> u32 {
        self.known.get(id).copied().unwrap_or(NONE)
    }

    /// The account that an entity belongs to now.
    fn account(&self, number: u32) -> u32 {
        self.account.get(&number).copied().unwrap_or_else(|| self.account_before(number))
    }

    fn account_before(&self, number: u32) -> u32 {
        let known = self.base_account.as_ref().filter(|_| number < self.base);
        known.map_or(NONE, |a| a.value(number as usize))
    }

    /// Entities of the base with an account; [`NONE`] is none.
    fn range(&self, account: u32) -> Range<u32> {
        let all = self.base_account.as_ref().map_or(&[] as &[u32], |a| a.values());
        let from = all.partition_point(|a| *a < account);
        let to = from + all[from..].partition_point(|a| *a == account);
        from as u32..to as u32
    }

    /// Finds ids among those of the base.
    fn find(&self, wanted: &HashSet<String>) -> HashMap<String, u32> {
        let Some(ids) = self.ids.as_ref().filter(|_| !wanted.is_empty()) else { return HashMap::new() };
        let blocks = par::map(par::ranges(ids.len(), 1 << 16), |rows| {
            let known = |i: usize| wanted.get(ids.value(i)).map(|id| (id.clone(), i as u32));
            rows.filter_map(known).collect::<Vec<_>>()
        });
        blocks.into_iter().flatten().collect()
    }
}

/// People, accounts and opportunities, as they are now.
struct Now {
    kinds: [Kind; 3],
}

impl Now {
    fn new(base: &Timelines) -> Result<Self, EngineError> {
        let mut kinds: [Kind; 3] = Default::default();
        for (kind, name) in kinds.iter_mut().zip(KINDS) {
            let ids = base.ids(name)?;
            kind.base = ids.len() as u32;
            kind.ids = Some(ids);
            if name != "accounts" {
                kind.base_account = Some(base.numbers(name, "account")?);
            }
        }
        Ok(Self { kinds })
    }

    /// Takes down which entities changes name, and what their own rows say. `false`: some are no
    /// longer there.
    fn take(&mut self, changes: &Changes, merges: &Merges) -> bool {
        let mut named: [HashSet<String>; 3] = Default::default();
        let mut to_come: [BTreeSet<String>; 3] = Default::default();
        for table in NUMBERED {
            for (column, kind) in naming(table) {
                let subject = SUBJECTS[*kind];
                for (rows, came) in [(&changes.old[table], false), (&changes.new[table], true)] {
                    for id in texts(rows, column) {
                        let into = merges.canonical(subject, &id);
                        let own = table == KINDS[*kind] && *column == naming(table)[0].0;
                        // An account is there when something names it; others need a row.
                        if came && ((own && !merges.is_gone(subject, &id)) || *kind == ACCOUNT) {
                            to_come[*kind].insert(into.to_owned());
                        }
                        if into != id {
                            named[*kind].insert(into.to_owned());
                        }
                        named[*kind].insert(id);
                    }
                }
            }
        }
        for (at, kind) in self.kinds.iter_mut().enumerate() {
            let found = kind.find(&named[at]);
            kind.new = to_come[at].iter().filter(|id| !found.contains_key(id.as_str())).cloned().collect();
            let new = kind.new.iter().zip(kind.base..);
            let all: HashMap<&str, u32> = found.iter().map(|(id, n)| (id.as_str(), *n)).chain(new.map(|(id, n)| (id.as_str(), n))).collect();
            let number = |id: &String| Some((id.clone(), *all.get(merges.canonical(SUBJECTS[at], id))?));
            kind.known = named[at].iter().filter_map(number).collect();
            // Ids that were merged into new ones are known with them.
            let aliases = merges.of(SUBJECTS[at]).filter_map(|(from, into)| Some((from.to_owned(), *all.get(into)?)));
            kind.known.extend(aliases);
        }
        for (at, table) in KINDS.into_iter().enumerate() {
            let (id, own) = (naming(table)[0].0, |id: &str| !merges.is_gone(SUBJECTS[at], id));
            let mut stay: HashSet<String> = HashSet::new();
            for (numbers, batch) in &changes.new[table] {
                let (ids, accounts) = (Texts::of(batch, id), Texts::of(batch, "account_id"));
                for row in 0..batch.num_rows() {
                    let Some(id) = ids.key(row).map(|k| ids.texts.value(k)).filter(|id| own(id)) else { continue };
                    let number = self.kinds[at].number(id);
                    let account = accounts.key(row).map_or(NONE, |k| self.kinds[ACCOUNT].number(accounts.texts.value(k)));
                    self.kinds[at].rows.insert(number, numbers.value(row));
                    if at != ACCOUNT {
                        self.kinds[at].account.insert(number, account);
                    }
                    stay.insert(id.to_owned());
                }
            }
            if texts(&changes.old[table], id).iter().any(|id| own(id) && !stay.contains(id)) {
                return false;
            }
        }
        true
    }

    /// New people or opportunities, with the ids that lead to them.
    fn new_ids(&self, kind: usize) -> HashSet<String> {
        let kind = &self.kinds[kind];
        kind.known.iter().filter(|(_, n)| **n >= kind.base).map(|(id, _)| id.clone()).collect()
    }

    /// The group that an entity belongs to.
    fn home(&self, kind: usize, number: u32, account: u32) -> Home {
        match (kind, account) {
            (_, a) if a != NONE => Home::Account(a),
            (PERSON, _) => Home::Person(number),
            _ => Home::Deal(number),
        }
    }

    fn home_now(&self, kind: usize, number: u32) -> Home {
        self.home(kind, number, self.kinds[kind].account(number))
    }

    /// How groups are ordered.
    fn order(&self, home: Home) -> (u8, &str) {
        match home {
            Home::Account(a) => (0, self.kinds[ACCOUNT].id(a)),
            Home::Person(p) => (1, self.kinds[PERSON].id(p)),
            Home::Deal(o) => (2, self.kinds[DEAL].id(o)),
        }
    }

    /// First groups of the base without an account: of a person, and of an opportunity.
    fn lone(&self) -> [u32; 2] {
        let accounts = self.kinds[ACCOUNT].base;
        [accounts, accounts + self.kinds[PERSON].range(NONE).len() as u32]
    }

    /// The group of the base in which an entity is.
    fn group_before(&self, kind: usize, number: u32) -> u32 {
        let account = self.kinds[kind].account_before(number);
        if account != NONE {
            return account;
        }
        self.lone()[usize::from(kind == DEAL)] + number - self.kinds[kind].range(NONE).start
    }

    /// The group of the base that a group is, or the one before which it comes.
    fn place(&self, home: Home) -> u32 {
        let (kind, number, first, range) = match home {
            Home::Account(a) => (ACCOUNT, a, 0, 0..self.kinds[ACCOUNT].base),
            Home::Person(p) => (PERSON, p, self.lone()[0], self.kinds[PERSON].range(NONE)),
            Home::Deal(o) => (DEAL, o, self.lone()[1], self.kinds[DEAL].range(NONE)),
        };
        let all = &self.kinds[kind];
        let id = all.id(number);
        let (mut from, mut to) = (range.start, range.end);
        while from < to {
            let middle = from + (to - from) / 2;
            if all.id(middle) < id { from = middle + 1 } else { to = middle }
        }
        first + from - range.start
    }
}

/// A group by what it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Home {
    Account(u32),
    Person(u32),
    Deal(u32),
}

/// Groups that are put together again, and what is needed for them.
struct Touched {
    /// Groups of the base that give way.
    dropped: BTreeSet<u32>,
    /// Groups that come, by their order.
    homes: Vec<Home>,
    /// People and opportunities, those that take part from elsewhere included.
    people: BTreeSet<u32>,
    deals: BTreeSet<u32>,
}

/// Pairs of a group of the base and somebody who takes part in it from elsewhere.
struct Guests {
    groups: [UInt32Array; 2],
    members: [UInt32Array; 2],
}

impl Guests {
    fn of(base: &Timelines) -> Result<Self, EngineError> {
        let column = |kind, name| base.numbers(kind, name);
        Ok(Self {
            groups: [column("guests", "group")?, column("guest_opportunities", "group")?],
            members: [column("guests", "person")?, column("guest_opportunities", "opportunity")?],
        })
    }

    /// Of people (0) or opportunities (1).
    fn pairs(&self, of: usize) -> impl Iterator<Item = (u32, u32)> {
        self.groups[of].values().iter().copied().zip(self.members[of].values().iter().copied())
    }
}

impl Touched {
    fn new(changes: &Changes, now: &Now, guests: &Guests) -> Self {
        let mut touched: [BTreeSet<u32>; 3] = Default::default();
        for table in NUMBERED {
            for batch in changes.old[table].iter().chain(&changes.new[table]) {
                for (column, kind) in naming(table) {
                    let ids = texts(std::slice::from_ref(batch), column);
                    touched[*kind].extend(ids.iter().map(|id| now.kinds[*kind].number(id)).filter(|n| *n != NONE));
                }
            }
        }
        let [people, accounts, deals] = touched;
        let mut dropped: BTreeSet<u32> = accounts.iter().copied().filter(|a| *a < now.kinds[ACCOUNT].base).collect();
        let mut homes: BTreeSet<Home> = accounts.into_iter().map(Home::Account).collect();
        for (kind, all, guest) in [(PERSON, &people, 0), (DEAL, &deals, 1)] {
            for number in all {
                homes.insert(now.home_now(kind, *number));
                if *number < now.kinds[kind].base {
                    dropped.insert(now.group_before(kind, *number));
                }
            }
            dropped.extend(guests.pairs(guest).filter(|(_, member)| all.contains(member)).map(|(group, _)| group));
        }
        let [lone_person, lone_deal] = now.lone();
        for group in &dropped {
            homes.insert(match *group {
                g if g < lone_person => Home::Account(g),
                g if g < lone_deal => Home::Person(now.kinds[PERSON].range(NONE).start + g - lone_person),
                g => Home::Deal(now.kinds[DEAL].range(NONE).start + g - lone_deal),
            });
        }
        // Who was alone and now has an account is a group no more; an account stays one.
        homes.retain(|home| match home {
            Home::Account(_) => true,
            Home::Person(p) => now.kinds[PERSON].account(*p) == NONE,
            Home::Deal(o) => now.kinds[DEAL].account(*o) == NONE,
        });
        for home in &homes {
            if let Home::Account(a) = home
                && *a < now.kinds[ACCOUNT].base
            {
                dropped.insert(*a);
            }
        }
        let members = |kind: usize, also: &BTreeSet<u32>, guest: usize| -> BTreeSet<u32> {
            let all = &now.kinds[kind];
            let mut out = also.clone();
            for home in &homes {
                match home {
                    Home::Account(a) if *a < now.kinds[ACCOUNT].base => out.extend(all.range(*a).filter(|n| all.account(*n) == *a)),
                    Home::Person(p) if kind == PERSON => _ = out.insert(*p),
                    Home::Deal(o) if kind == DEAL => _ = out.insert(*o),
                    _ => {}
                }
            }
            out.extend(guests.pairs(guest).filter(|(group, _)| dropped.contains(group)).map(|(_, member)| member));
            out
        };
        let (people, deals) = (members(PERSON, &people, 0), members(DEAL, &deals, 1));
        let mut homes: Vec<Home> = homes.into_iter().collect();
        homes.sort_by(|a, b| now.order(*a).cmp(&now.order(*b)));
        Self { dropped, homes, people, deals }
    }
}

/// What is kept of a person.
#[derive(Clone, Copy, Default)]
struct Person {
    created: Option<i64>,
    campaign: u32,
    owner: u32,
}

/// What is kept of an opportunity.
#[derive(Clone, Copy)]
struct Deal {
    created: Option<i64>,
    amount: Option<i128>,
    currency: u32,
    kind: u32,
    campaign: u32,
    owner: u32,
}

/// What is taken out of a chunk of the base, by numbers of the base.
#[derive(Default)]
struct Kept {
    people: HashMap<u32, Person>,
    deals: HashMap<u32, Deal>,
    events: Events,
}

/// What is wanted of a chunk of the base.
#[derive(Default)]
struct Wanted {
    /// Groups and people.
    people: Vec<(u32, u32)>,
    /// Groups and the people whose touches are taken from there.
    touches: BTreeMap<u32, Vec<u32>>,
    /// Groups and opportunities.
    deals: Vec<(u32, u32)>,
    /// Groups whose purchases are taken.
    purchases: Vec<u32>,
}

/// Sums of the numbers before each, and of all.
fn sums(counts: &[u32]) -> Vec<u32> {
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
fn runs(rows: &Rows, wanted: impl Iterator<Item = (u32, Range<u32>)>, gone: &[u32]) -> Result<Vec<Run>, EngineError> {
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
fn part(rows: &Rows, of: Fields, mut runs: Vec<Run>) -> Result<Part, EngineError> {
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
    Ok(Part { rows: wanted.len(), columns, recorded: [recorded?, seq?], runs, lost: 0 })
}

impl Wanted {
    /// Takes it out of a chunk that begins with a group.
    fn take(&self, chunk: &Chunk, first: u32, gone: &BTreeMap<&'static str, Vec<u32>>) -> Result<Kept, EngineError> {
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
        kept.events.touches.push(part(&touches, decode::TOUCHES, runs(&touches, wanted.into_iter(), gone("touchpoints"))?)?);
        Ok(kept)
    }
}

impl Kept {
    /// Takes everything that is wanted out of the chunks of the base.
    fn of(base: &Timelines, now: &Now, touched: &Touched, guests: &Guests, gone: &BTreeMap<&'static str, Vec<u32>>) -> Result<(Self, BTreeSet<u32>), EngineError> {
        let cuts = &base.contents.cuts;
        let chunk_of = |group: u32| cuts.partition_point(|c| *c <= group).saturating_sub(1);
        let mut wanted: BTreeMap<usize, Wanted> = BTreeMap::new();
        let mut without_touches = BTreeSet::new();
        let mut elsewhere: HashMap<u32, u32> = HashMap::new();
        for (group, person) in guests.pairs(0) {
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

/// Entities of the groups that are put together, by their places there.
struct Local {
    /// Numbers of people and opportunities.
    people: Vec<u32>,
    deals: Vec<u32>,
    /// Places of people, accounts and opportunities by number.
    places: [HashMap<u32, u32>; 3],
    groups: Vec<Group>,
    group_of_person: Vec<u32>,
}

impl Local {
    fn new(now: &Now, touched: &Touched, roles: &[Role]) -> Self {
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

    fn place(&self, kind: usize, number: u32) -> u32 {
        self.places[kind].get(&number).copied().unwrap_or(NONE)
    }

    /// Ids that lead to places; only those of the base, if asked.
    fn known(&self, now: &Now, before: bool) -> Known {
        let ids = |kind: usize| {
            let all = now.kinds[kind].known.iter().filter(|(_, n)| !before || **n < now.kinds[kind].base);
            let own = all.filter_map(|(id, n)| Some((id.clone(), *self.places[kind].get(n)?))).collect();
            Arc::new(Ids::new(StringArray::new_null(0), own))
        };
        Known { people: ids(PERSON), accounts: ids(ACCOUNT), opportunities: ids(DEAL) }
    }

    /// Events of what is kept, by places.
    fn placed(&self, events: &mut Events) {
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
fn rows_of<'a>(changes: &'a Changes, now: &'a Now, local: &'a Local, kind: usize) -> impl Iterator<Item = (&'a RecordBatch, usize, usize)> {
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
fn said(batch: &RecordBatch, column: &str, row: usize) -> Option<String> {
    let texts = Texts::of(batch, column);
    texts.key(row).map(|k| texts.texts.value(k).to_owned())
}

/// The rows of the entities of the groups, as the record would show them.
fn arranged(now: &Now, local: Local, touched: &Touched, kept: &Kept, changes: &Changes, vocabulary: &Vocabulary) -> Result<Arranged, EngineError> {
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

/// Rows whose subject had no row before and has one now: new people and opportunities, by the ids
/// that lead to them.
async fn strays(record: &Record, version: u64, numberings: &Numberings, table: &'static str, wanted: &[HashSet<String>; 2]) -> Result<Vec<u32>, EngineError> {
    let subject: &[&str] = match table {
        "stage_changes" | "field_changes" => &["subject_type", "subject_id"],
        "activities" | "opportunity_contacts" => &["person_id", "opportunity_id"],
        _ => &["person_id"],
    };
    let wanted = wanted.clone();
    let work = move |numbers: UInt32Array, batch: RecordBatch| -> Vec<u32> {
        let hits = |column: &str, ids: &HashSet<String>| -> Vec<bool> {
            let texts = Texts::of(&batch, column);
            let of_text: Vec<bool> = texts.texts.iter().map(|t| t.is_some_and(|t| ids.contains(t))).collect();
            (0..batch.num_rows()).map(|i| texts.key(i).is_some_and(|k| of_text[k])).collect()
        };
        let [people, deals] = &wanted;
        let found: Vec<bool> = if subject[0] == "subject_type" {
            let kind = Texts::of(&batch, "subject_type");
            let is = |i: usize, kind_of: &str| kind.key(i).is_some_and(|k| kind.texts.value(k).trim().eq_ignore_ascii_case(kind_of));
            let (of_people, of_deals) = (hits("subject_id", people), hits("subject_id", deals));
            // A change of a field is of an opportunity unless it says otherwise.
            let deal = |i: usize| if table == "field_changes" { !is(i, "person") } else { is(i, "opportunity") };
            (0..batch.num_rows()).map(|i| (of_people[i] && is(i, "person")) || (of_deals[i] && deal(i))).collect()
        } else if subject.len() == 2 {
            hits("person_id", people).into_iter().zip(hits("opportunity_id", deals)).map(|(p, d)| p || d).collect()
        } else {
            hits("person_id", people)
        };
        found.iter().zip(numbers.values()).filter(|(found, _)| **found).map(|(_, number)| *number).collect()
    };
    let found = record.each(table, version, numberings.of(table), subject, work).await?;
    let mut found = found.concat();
    found.sort_unstable();
    Ok(found)
}

/// What events say of themselves: how many could not be placed.
fn lost(events: &Events) -> Counted {
    let sum = |parts: &[Part]| parts.iter().map(|p| p.lost).sum::<u64>();
    Counted {
        touchpoints: sum(&events.touches),
        activities: sum(&events.activities),
        stage_changes: sum(&events.stages[0]),
        handoffs: sum(&events.handoffs),
        contacts: events.lost_roles,
        field_changes: sum(&events.owners[0]) + sum(&events.owners[1]) + sum(&events.amounts),
        by_deal: events.by_deal,
        stages: Vec::new(),
    }
}

/// How often placed stage changes have each value.
fn stage_values(events: &Events) -> HashMap<Option<String>, u64> {
    let mut counts: HashMap<Option<String>, u64> = HashMap::new();
    for part in events.stages.iter().flatten() {
        let Some(Column::Named(_, texts)) = part.columns.get(1) else { continue };
        for i in part.runs.iter().flat_map(|r| r.from..r.to) {
            let value = texts.key(i as usize).map(|k| texts.texts.value(k).to_owned());
            *counts.entry(value).or_default() += 1;
        }
    }
    counts
}

/// Decodes rows of all tables of events, contact roles first.
fn decoded(rows: &Read, known: &Known, roles: &[Role]) -> Events {
    let mut events = Events { roles: roles.to_vec(), ..Events::default() };
    for table in NUMBERED.into_iter().filter(|t| !KINDS.contains(t)) {
        let roles = events.roles.clone();
        let all = rows.get(table).map_or(&[] as &[_], Vec::as_slice);
        events.take(all.iter().map(|(numbers, batch)| Decoded::of(table, numbers, batch, known, &roles)).collect());
    }
    events
}

/// Reads rows that had no place before among those that came; gives how many.
async fn found(record: &Record, version: u64, numberings: &Numberings, table: &'static str, rows: Vec<u32>, new: &mut Read) -> Result<u64, EngineError> {
    let come: HashSet<u32> = new[table].iter().flat_map(|(numbers, _)| numbers.values().to_vec()).collect();
    let rows: Vec<u32> = rows.into_iter().filter(|row| !come.contains(row)).collect();
    let read = record.pick(table, version, numberings.of(table), &rows, columns(table)).await?;
    new.entry(table).or_default().extend(read);
    Ok(rows.len() as u64)
}

/// Makes the timelines of a version from those of an older one; none when they differ in much, or in
/// what cannot be told from changed rows.
///
/// # Errors
/// When the record cannot be read.
pub async fn patch(record: &Record, source: &Source, cast: &Cast, base: &Timelines) -> Result<Option<Patch>, EngineError> {
    if !record.truth().is_empty() {
        return Ok(None);
    }
    let (v, merges) = (source.version, &source.merges);
    let numberings = base.contents.numberings.and(record, v).await?;
    let Some(mut changes) = Changes::read(record, source, base, &numberings).await? else { return Ok(None) };
    let mut now = Now::new(base)?;
    if !now.take(&changes, merges) {
        return Ok(None);
    }
    let before = &base.contents.counted;
    let mut were_lost = Counted::default();
    let mut new_ids = [now.new_ids(PERSON), now.new_ids(DEAL)];
    let has_new = new_ids.iter().any(|ids| !ids.is_empty());
    if before.contacts > 0 && has_new {
        let rows = strays(record, v, &numberings, "opportunity_contacts", &new_ids).await?;
        were_lost.contacts = found(record, v, &numberings, "opportunity_contacts", rows, &mut changes.new).await?;
        now = Now::new(base)?;
        now.take(&changes, merges);
    }
    // Of people who are one, each may have had the role that goes.
    let merged: HashSet<u32> = merges.of("person").filter_map(|(_, into)| now.kinds[PERSON].known.get(into).copied()).collect();
    let guests = Guests::of(base)?;
    let touched = Touched::new(&changes, &now, &guests);
    let (mut kept, without_touches) = par::blocking(|| Kept::of(base, &now, &touched, &guests, &changes.gone))?;
    let local = Local::new(&now, &touched, &kept.events.roles);
    local.placed(&mut kept.events);
    let (known, known_before) = (local.known(&now, false), local.known(&now, true));

    let old_roles = std::mem::take(&mut kept.events.roles);
    let gone = decoded(&changes.old, &known_before, &[]);
    if gone.roles.iter().any(|r| merged.contains(&local.people[r.person as usize])) {
        return Ok(None);
    }
    let gone_pairs: HashSet<(u32, u32)> = gone.roles.iter().map(|r| (r.opportunity, r.person)).collect();
    let stay: Vec<Role> = old_roles.iter().filter(|r| !gone_pairs.contains(&(r.opportunity, r.person))).copied().collect();
    // Roles are needed before activities can be decoded.
    let roles_of: Read = changes.new.remove_entry("opportunity_contacts").into_iter().collect();
    let with_roles = decoded(&roles_of, &known, &stay);
    let (roles, lost_roles) = (with_roles.roles, with_roles.lost_roles);
    changes.new.extend(roles_of.into_keys().map(|table| (table, Vec::new())));
    let mut gain: HashSet<u32> = HashSet::new();
    let changed: BTreeSet<u32> = roles.iter().chain(&old_roles).map(|r| r.opportunity).collect();
    for deal in changed {
        let (was, is) = (decode::primary(&old_roles, deal), decode::primary(&roles, deal));
        if was == NONE && is != NONE {
            gain.insert(local.deals[deal as usize]);
        } else if was != is && before.by_deal > 0 {
            return Ok(None);
        }
    }

    // What had no place before may have one now.
    let gained = now.kinds[DEAL].known.iter().filter(|(_, n)| gain.contains(*n)).map(|(id, _)| id.clone());
    let deals_alone = [new_ids[0].clone(), new_ids[1].iter().cloned().chain(gained).collect()];
    for (table, n, was) in [
        ("stage_changes", &mut were_lost.stage_changes, before.stage_changes),
        ("field_changes", &mut were_lost.field_changes, before.field_changes),
        ("handoffs", &mut were_lost.handoffs, before.handoffs),
        ("activities", &mut were_lost.activities, before.activities),
        ("touchpoints", &mut were_lost.touchpoints, before.touchpoints),
    ] {
        let wanted = if table == "activities" { &deals_alone } else { &new_ids };
        if was > 0 && wanted.iter().any(|ids| !ids.is_empty()) {
            let rows = strays(record, v, &numberings, table, wanted).await?;
            let rows = if table == "activities" { of_nobody(record, v, &numberings, rows, &now, merges).await? } else { rows };
            *n = found(record, v, &numberings, table, rows, &mut changes.new).await?;
        }
    }
    // Touches are kept of people with opportunities alone: those of others are read.
    let members = local.groups.iter().filter(|g| !g.opportunities.is_empty()).flat_map(|g| g.people.clone());
    let with_role = roles.iter().map(|r| r.person);
    let needing: HashSet<u32> = members.chain(with_role).map(|place| local.people[place as usize]).filter(|n| without_touches.contains(n)).collect();
    if !needing.is_empty() {
        new_ids[0] = now.kinds[PERSON].known.iter().filter(|(_, n)| needing.contains(*n)).map(|(id, _)| id.clone()).collect();
        new_ids[0].extend(needing.iter().map(|n| now.kinds[PERSON].id(*n).to_owned()));
        let rows = strays(record, v, &numberings, "touchpoints", &new_ids).await?;
        found(record, v, &numberings, "touchpoints", rows, &mut changes.new).await?;
        // Their ids may not have been named by any change.
        for number in needing {
            let id = now.kinds[PERSON].id(number).to_owned();
            let aliases = merges.of("person").filter(|(_, into)| *into == id).map(|(from, _)| from.to_owned());
            let all: Vec<String> = aliases.chain([id.clone()]).collect();
            now.kinds[PERSON].known.extend(all.into_iter().map(|id| (id, number)));
        }
    }
    let known = local.known(&now, false);
    let come = decoded(&changes.new, &known, &roles);

    let mut counted = before.clone();
    let (went, came) = (lost(&decoded(&changes.old, &known_before, &old_roles)), Counted { contacts: lost_roles, ..lost(&come) });
    for (all, went, came, found) in [
        (&mut counted.touchpoints, went.touchpoints, came.touchpoints, were_lost.touchpoints),
        (&mut counted.activities, went.activities, came.activities, were_lost.activities),
        (&mut counted.stage_changes, went.stage_changes, came.stage_changes, were_lost.stage_changes),
        (&mut counted.handoffs, went.handoffs, came.handoffs, were_lost.handoffs),
        (&mut counted.contacts, went.contacts, came.contacts, were_lost.contacts),
        (&mut counted.field_changes, went.field_changes, came.field_changes, were_lost.field_changes),
    ] {
        *all = (*all + came).saturating_sub(went + found);
    }
    counted.by_deal += came.by_deal;
    let (went, came) = (stage_values(&gone), stage_values(&come));

    let mut events = kept.events;
    kept.events = Events::default();
    events.add(come);
    events.roles = roles;
    let numbers = [local.people.clone(), local.deals.clone()];
    let mut vocabulary = base.vocabulary.clone();
    vocabulary.add(&cast.names());
    let arranged = arranged(&now, local, &touched, &kept, &changes, &vocabulary)?;
    let placer = par::blocking(|| Placer::new(arranged, events, |met| met.settle(vocabulary), Some(numbers)))?;
    let stages = placer.vocabulary().of(List::Stages);
    for (values, sign) in [(&went, -1_i64), (&came, 1)] {
        for (value, n) in values {
            let at = value.as_ref().map_or(0, |v| stages.find(v).map_or(0, |p| p as usize + 1));
            if counted.stages.len() <= at {
                counted.stages.resize(at + 1, 0);
            }
            counted.stages[at] = counted.stages[at].saturating_add_signed(sign * i64::try_from(*n).unwrap_or(i64::MAX));
        }
    }

    let chunks = chunks(record, v, &numberings, base, &now, &touched, &placer).await?;
    let entities = entities(base, &now, &changes, placer.vocabulary())?;
    let suspects = crate::identity::suspects(&source.merge_rows).len() as u64;
    let contents = Contents { counted, suspects, cuts: base.contents.cuts.clone(), numberings, version: v, ..Contents::default() };
    let timelines = Timelines::new(placer.vocabulary().clone(), entities, contents);
    Ok(Some(Patch { timelines, chunks }))
}

/// Activities that name no known person.
async fn of_nobody(record: &Record, v: u64, numberings: &Numberings, rows: Vec<u32>, now: &Now, merges: &Merges) -> Result<Vec<u32>, EngineError> {
    let people = record.pick("activities", v, numberings.of("activities"), &rows, &["person_id"]).await?;
    let named: HashSet<String> = texts(&people, "person_id").iter().map(|id| merges.canonical("person", id).to_owned()).collect();
    let known = now.kinds[PERSON].find(&named);
    let mut out = Vec::new();
    for (numbers, batch) in people {
        let texts = Texts::of(&batch, "person_id");
        let nobody = |i: &usize| texts.key(*i).is_none_or(|k| !known.contains_key(merges.canonical("person", texts.texts.value(k))));
        out.extend((0..batch.num_rows()).filter(nobody).map(|i| numbers.value(i)));
    }
    out.sort_unstable();
    Ok(out)
}

/// The patches of the chunks in which groups give way or come.
async fn chunks(
    record: &Record,
    version: u64,
    numberings: &Numberings,
    base: &Timelines,
    now: &Now,
    touched: &Touched,
    placer: &Placer,
) -> Result<Vec<(usize, Chunk)>, EngineError> {
    let cuts = &base.contents.cuts;
    let last = cuts.len().saturating_sub(2);
    let chunk_of = |group: u32| (cuts.partition_point(|c| *c <= group).saturating_sub(1)).min(last);
    let places: Vec<u32> = touched.homes.iter().map(|home| now.place(*home)).collect();
    let numbers: BTreeSet<usize> = places.iter().chain(&touched.dropped).map(|g| chunk_of(*g)).collect();
    let work: Vec<(usize, Range<usize>)> = numbers
        .into_iter()
        .map(|n| (n, places.partition_point(|g| chunk_of(*g) < n)..places.partition_point(|g| chunk_of(*g) <= n)))
        .collect();
    let assembled = par::blocking(|| par::try_map(work, |(n, groups)| Ok::<_, EngineError>((n, groups.clone(), placer.assemble(groups)?))))?;
    let undecided: Vec<u32> = assembled.iter().flat_map(|(_, _, c)| c.touches.undecided()).collect();
    let mut ids = std::collections::HashMap::new();
    if !undecided.is_empty() {
        let found = record.cells("touchpoints", version, numberings.of("touchpoints"), "touchpoint_id", &undecided).await?;
        ids.extend(undecided.into_iter().zip(found).filter_map(|(row, id)| Some((row, id?))));
    }
    let list = |name: &'static str, numbers: Vec<u32>| -> Table {
        (name, fields(&[("group", DataType::UInt32)]), vec![Arc::new(UInt32Array::from(numbers))])
    };
    let finish = |(n, groups, chunk): (usize, Range<usize>, super::assemble::Assembled)| {
        let first = cuts[n];
        let before: Vec<u32> = places[groups].iter().map(|g| g - first).collect();
        let dropped: Vec<u32> = touched.dropped.range(first..cuts[n + 1]).map(|g| g - first).collect();
        Ok::<_, EngineError>((n, chunk.finish(&ids, vec![list("before", before), list("dropped", dropped)])?))
    };
    par::blocking(|| par::try_map(assembled, finish))
}

/// The columns of all entities: those of the base, with what changed, and new ones behind them.
fn entities(base: &Timelines, now: &Now, changes: &Changes, vocabulary: &Vocabulary) -> Result<BTreeMap<&'static str, Columns>, EngineError> {
    let mut out: BTreeMap<&'static str, Columns> = BTreeMap::new();
    for (kind, name) in KINDS.into_iter().enumerate() {
        let of = &now.kinds[kind];
        let column = |column: &str, changed: &HashMap<u32, u32>| -> Result<ArrayRef, EngineError> {
            let old = base.numbers(name, column)?;
            if changed.is_empty() && of.new.is_empty() {
                return Ok(Arc::new(old));
            }
            let missing = if column == "row" { None } else { Some(NONE) };
            let cell = |n: u32| changed.get(&n).copied().or(if n < of.base { old.is_valid(n as usize).then(|| old.value(n as usize)) } else { missing });
            Ok(Arc::new((0..of.base + of.new.len() as u32).map(cell).collect::<UInt32Array>()))
        };
        let ids = base.entities(name, "id")?;
        let ids = if of.new.is_empty() {
            ids
        } else {
            let new: ArrayRef = Arc::new(StringArray::from_iter_values(&of.new));
            datafusion::arrow::compute::concat(&[ids.as_ref(), new.as_ref()])?
        };
        let mut columns: Columns = vec![("id", ids), ("row", column("row", &of.rows)?)];
        if kind != ACCOUNT {
            columns.push(("account", column("account", &of.account)?));
        }
        if kind == PERSON {
            let mut campaigns: HashMap<u32, u32> = HashMap::new();
            for (numbers, batch) in &changes.new[name] {
                let (ids, texts) = (Texts::of(batch, "person_id"), Texts::of(batch, "campaign_id"));
                for row in 0..batch.num_rows() {
                    let number = ids.key(row).map_or(NONE, |k| of.number(ids.texts.value(k)));
                    if of.rows.get(&number) == Some(&numbers.value(row)) {
                        let campaign = texts.key(row).and_then(|k| vocabulary.of(List::Campaigns).find(texts.texts.value(k)));
                        campaigns.insert(number, campaign.unwrap_or(NONE));
                    }
                }
            }
            columns.push(("campaign", column("campaign", &campaigns)?));
        }
        out.insert(name, columns);
    }
    // They speak of the base, whose groups a further patch starts from.
    for (name, member) in [("guests", "person"), ("guest_opportunities", "opportunity")] {
        out.insert(name, vec![("group", base.entities(name, "group")?), (member, base.entities(name, member)?)]);
    }
    Ok(out)
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
