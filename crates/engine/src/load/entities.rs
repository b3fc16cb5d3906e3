//! People, accounts, opportunities and users, numbered in the order of the pass: people of one
//! account stand together, then people without an account, each alone.

use super::columns::{Names, cell, decimals, instants, minor_units, text};
use super::merges::Merges;
use crate::error::EngineError;
use crate::record::Record;
use datafusion::arrow::array::{Array, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::common::HashMap;
use std::ops::Range;
use treaty_domain::money::Currency;
use treaty_domain::timeline::NONE;
use treaty_domain::zone::Micros;

/// Rows of an entity table in the order of their numbers, and the numbers by id.
#[derive(Debug)]
pub struct Entities {
    /// All layout columns; row `i` is entity `i`.
    pub rows: RecordBatch,
    /// Number by id, merged ids included.
    pub number: HashMap<String, u32>,
}

impl Entities {
    /// How many.
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.rows.num_rows() == 0
    }

    /// Number of an id.
    pub fn find(&self, id: &str) -> Option<u32> {
        self.number.get(id).copied()
    }
}

/// People and opportunities that are folded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Numbers of its people.
    pub people: Range<u32>,
    /// Numbers of its opportunities.
    pub opportunities: Range<u32>,
    /// It is an account.
    pub is_account: bool,
}

/// Reads all rows of a table as one batch, with every layout column present.
pub async fn read_all(record: &Record, table: &str, version: u64, columns: &[&str]) -> Result<RecordBatch, EngineError> {
    let batches = record.read(table, version, columns, false).await?;
    match batches.as_slice() {
        [] => {
            let schema = record.schema(table)?;
            let places = columns.iter().map(|c| schema.index_of(c)).collect::<Result<Vec<_>, _>>()?;
            Ok(RecordBatch::new_empty(std::sync::Arc::new(schema.project(&places)?)))
        }
        [one] => Ok(one.clone()),
        [first, ..] => Ok(concat_batches(&first.schema(), &batches)?),
    }
}

fn ids(rows: &RecordBatch, column: &str) -> StringArray {
    text(rows, column).unwrap_or_else(|| StringArray::new_null(rows.num_rows()))
}

/// Keeps the rows of a plain table that were not merged into others, ordered by id.
pub fn plain(rows: &RecordBatch, id: &str, merges: Option<&Merges>, subject: &str) -> Result<Entities, EngineError> {
    let own = ids(rows, id);
    let mut order: Vec<u32> = (0..own.len() as u32)
        .filter(|i| merges.is_none_or(|m| !m.is_gone(subject, own.value(*i as usize))))
        .collect();
    order.sort_by(|a, b| own.value(*a as usize).cmp(own.value(*b as usize)));
    arranged(rows, &own, &order, merges, subject)
}

/// Rearranges rows and numbers them; merged ids lead to their survivors.
pub fn arranged(
    rows: &RecordBatch,
    own: &StringArray,
    order: &[u32],
    merges: Option<&Merges>,
    subject: &str,
) -> Result<Entities, EngineError> {
    let mut number: HashMap<String, u32> = HashMap::with_capacity(order.len());
    for (place, row) in order.iter().enumerate() {
        number.insert(own.value(*row as usize).to_owned(), place as u32);
    }
    if let Some(merges) = merges {
        for (from, into) in merges.of(subject) {
            if let Some(place) = number.get(into).copied() {
                number.insert(from.to_owned(), place);
            }
        }
    }
    let sorted = order.iter().enumerate().all(|(i, row)| i as u32 == *row) && order.len() == rows.num_rows();
    let rows = if sorted { rows.clone() } else { take_record_batch(rows, &UInt32Array::from(order.to_vec()))? };
    Ok(Entities { rows, number })
}

/// Accounts, people and opportunities in the order of the pass.
pub struct Arranged {
    /// Accounts, those that only people or opportunities name included (with empty columns).
    pub accounts: Entities,
    /// People.
    pub people: Entities,
    /// Account number of each person, or [`NONE`].
    pub account_of_person: Vec<u32>,
    /// Opportunities.
    pub opportunities: Entities,
    /// Account number of each opportunity, or [`NONE`].
    pub account_of_opportunity: Vec<u32>,
    /// Groups: accounts in order, then people and opportunities without one.
    pub groups: Vec<Group>,
    /// Group of each person.
    pub group_of_person: Vec<u32>,
}

/// Arranges accounts, people and opportunities.
pub fn arrange(
    accounts: &RecordBatch,
    people: &RecordBatch,
    opportunities: &RecordBatch,
    purchases: &RecordBatch,
    merges: &Merges,
) -> Result<Arranged, EngineError> {
    // Every account that anything names, in order of id.
    let mut names = Names::default();
    let known = ids(accounts, "account_id");
    let by_person = ids(people, "account_id");
    let by_opportunity = ids(opportunities, "account_id");
    let by_purchase = ids(purchases, "account_id");
    let mut last: Option<(String, u32)> = None;
    let mut place = |id: Option<&str>| -> u32 {
        let Some(id) = id else { return NONE };
        if let Some((before, at)) = &last
            && before == id
        {
            return *at;
        }
        let at = names.place(merges.canonical("account", id));
        last = Some((id.to_owned(), at));
        at
    };
    known.iter().for_each(|id| _ = place(id));
    let person_account: Vec<u32> = by_person.iter().map(&mut place).collect();
    let opportunity_account: Vec<u32> = by_opportunity.iter().map(&mut place).collect();
    by_purchase.iter().for_each(|id| _ = place(id));
    let mut sorted: Vec<u32> = (0..names.len() as u32).collect();
    sorted.sort_by(|a, b| names.get(*a).cmp(&names.get(*b)));
    let mut rank = vec![0u32; names.len()];
    for (i, place) in sorted.iter().enumerate() {
        rank[*place as usize] = i as u32;
    }
    let ranked = |places: Vec<u32>| -> Vec<u32> { places.into_iter().map(|p| if p == NONE { NONE } else { rank[p as usize] }).collect() };
    let (person_account, opportunity_account) = (ranked(person_account), ranked(opportunity_account));
    let accounts = account_rows(accounts, &known, &names, &sorted, merges)?;

    let person_ids = ids(people, "person_id");
    let mut order: Vec<u32> =
        (0..person_ids.len() as u32).filter(|i| !merges.is_gone("person", person_ids.value(*i as usize))).collect();
    order.sort_by_key(|i| (person_account[*i as usize], person_ids.value(*i as usize)));
    let account_of_person: Vec<u32> = order.iter().map(|i| person_account[*i as usize]).collect();
    let people = arranged(people, &person_ids, &order, Some(merges), "person")?;

    let opportunity_ids = ids(opportunities, "opportunity_id");
    let mut order: Vec<u32> =
        (0..opportunity_ids.len() as u32).filter(|i| !merges.is_gone("opportunity", opportunity_ids.value(*i as usize))).collect();
    order.sort_by_key(|i| (opportunity_account[*i as usize], opportunity_ids.value(*i as usize)));
    let account_of_opportunity: Vec<u32> = order.iter().map(|i| opportunity_account[*i as usize]).collect();
    let opportunities = arranged(opportunities, &opportunity_ids, &order, Some(merges), "opportunity")?;

    let (groups, group_of_person) = groups(accounts.len() as u32, &account_of_person, &account_of_opportunity);
    Ok(Arranged { accounts, people, account_of_person, opportunities, account_of_opportunity, groups, group_of_person })
}

/// Account rows in order of id; an account that only others name gets a row with its id alone.
fn account_rows(
    rows: &RecordBatch,
    known: &StringArray,
    names: &Names,
    sorted: &[u32],
    merges: &Merges,
) -> Result<Entities, EngineError> {
    let mut row_of: HashMap<&str, u32> = HashMap::with_capacity(known.len());
    for (i, id) in known.iter().enumerate() {
        if let Some(id) = id
            && !merges.is_gone("account", id)
        {
            row_of.insert(id, i as u32);
        }
    }
    let take: UInt32Array = sorted.iter().map(|p| names.get(*p).and_then(|id| row_of.get(id).copied())).collect();
    let mut taken = take_record_batch(rows, &take)?;
    if take.null_count() > 0 {
        let all: StringArray = sorted.iter().map(|p| names.get(*p)).collect();
        let at = taken.schema().index_of("account_id")?;
        let mut columns = taken.columns().to_vec();
        columns[at] = std::sync::Arc::new(all);
        taken = RecordBatch::try_new(taken.schema(), columns)?;
    }
    let mut number: HashMap<String, u32> =
        sorted.iter().enumerate().filter_map(|(i, p)| Some((names.get(*p)?.to_owned(), i as u32))).collect();
    for (from, into) in merges.of("account") {
        if let Some(place) = number.get(into).copied() {
            number.insert(from.to_owned(), place);
        }
    }
    Ok(Entities { rows: taken, number })
}

fn groups(accounts: u32, person: &[u32], opportunity: &[u32]) -> (Vec<Group>, Vec<u32>) {
    let mut groups = Vec::with_capacity(accounts as usize);
    let mut group_of_person = vec![0u32; person.len()];
    let (mut p, mut o) = (0u32, 0u32);
    for account in 0..accounts {
        let (from_p, from_o) = (p, o);
        while (p as usize) < person.len() && person[p as usize] == account {
            group_of_person[p as usize] = account;
            p += 1;
        }
        while (o as usize) < opportunity.len() && opportunity[o as usize] == account {
            o += 1;
        }
        groups.push(Group { people: from_p..p, opportunities: from_o..o, is_account: true });
    }
    for i in p..person.len() as u32 {
        group_of_person[i as usize] = groups.len() as u32;
        groups.push(Group { people: i..i + 1, opportunities: o..o, is_account: false });
    }
    for i in o..opportunity.len() as u32 {
        let end = person.len() as u32;
        groups.push(Group { people: end..end, opportunities: i..i + 1, is_account: false });
    }
    (groups, group_of_person)
}

/// Amount of each row in minor units of its own currency; a missing currency is the reporting one.
pub fn money_column(rows: &RecordBatch, column: &str, reporting: Currency) -> Vec<(Option<i64>, Currency)> {
    let amount = decimals(rows, column);
    let currency = text(rows, "currency");
    (0..rows.num_rows())
        .map(|i| {
            let own = currency
                .as_ref()
                .filter(|c| c.is_valid(i))
                .and_then(|c| Currency::parse(c.value(i).trim()).ok())
                .unwrap_or(reporting);
            let minor = amount
                .as_ref()
                .filter(|(a, _)| a.is_valid(i))
                .and_then(|(a, scale)| minor_units(a.value(i), *scale, u32::from(own.exponent())));
            (minor, own)
        })
        .collect()
}

/// Instant of each row; a missing one lies before all time.
pub fn instant_column(rows: &RecordBatch, column: &str) -> Vec<Micros> {
    let at = instants(rows, column);
    (0..rows.num_rows()).map(|i| Micros(cell(&at, i).unwrap_or(i64::MIN / 4))).collect()
}
