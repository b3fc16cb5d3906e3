//! People, accounts and opportunities, numbered in the order of the pass: people of one account
//! stand together, then people without an account, each alone. Only the columns that the pass needs
//! are read here; what facts are sliced by is read when it is asked for.

use super::columns::{cell, instants, text};
use super::ids::Ids;
use super::merges::Merges;
use crate::error::EngineError;
use crate::record::{Record, TextAs};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::compute::{cast, concat, concat_batches, take, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Int32Type};
use std::ops::Range;
use std::sync::Arc;
use treaty_domain::money::Currency;
use treaty_domain::timeline::NONE;
use treaty_domain::zone::Micros;

/// Entities in the order of their numbers.
#[derive(Debug)]
pub struct Entities {
    /// Columns that were read; row `i` is entity `i`.
    pub rows: RecordBatch,
    /// Stored row of each entity, or none when all are in the order they are stored in.
    pub order: Option<UInt32Array>,
    /// Numbers by id, merged ids included.
    pub ids: Arc<Ids>,
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

    fn new(rows: &RecordBatch, order: UInt32Array, id: &str, merges: Option<&Merges>, subject: &str) -> Result<Self, EngineError> {
        let stored = order.null_count() == 0
            && order.len() == rows.num_rows()
            && order.values().iter().enumerate().all(|(i, row)| i as u32 == *row);
        let order = (!stored).then_some(order);
        let rows = match &order {
            Some(order) => take_record_batch(rows, order)?,
            None => rows.clone(),
        };
        let own = ids(&rows, id);
        let ids = Arc::new(Ids::new(own, merged(merges, subject, &rows, id)));
        Ok(Self { rows, order, ids })
    }
}

/// Merged ids with the number of their survivor.
fn merged(merges: Option<&Merges>, subject: &str, rows: &RecordBatch, id: &str) -> Vec<(String, u32)> {
    let Some(merges) = merges.filter(|m| m.of(subject).next().is_some()) else { return Vec::new() };
    let own = Ids::new(ids(rows, id), Vec::new());
    merges.of(subject).map(|(from, into)| (from.to_owned(), own.find(into))).filter(|(_, n)| *n != NONE).collect()
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

/// Reads all rows of a table as one batch, text as plain text.
pub async fn read_all(record: &Record, table: &str, version: u64, columns: &[&str]) -> Result<RecordBatch, EngineError> {
    read_as(record, table, version, &columns.iter().map(|c| (*c, TextAs::Plain)).collect::<Vec<_>>()).await
}

/// Reads all rows of a table as one batch.
pub async fn read_as(record: &Record, table: &str, version: u64, columns: &[(&str, TextAs)]) -> Result<RecordBatch, EngineError> {
    let batches = record.read_as(table, version, columns).await?;
    match batches.as_slice() {
        [] => {
            let schema = record.schema(table)?;
            let places = columns.iter().map(|(c, _)| schema.index_of(c)).collect::<Result<Vec<_>, _>>()?;
            Ok(RecordBatch::new_empty(Arc::new(schema.project(&places)?)))
        }
        [one] => Ok(one.clone()),
        [first, ..] => Ok(concat_batches(&first.schema(), &batches)?),
    }
}

/// One column of a table over all rows, as text with its distinct values.
pub async fn column(record: &Record, table: &str, version: u64, name: &str) -> Result<ArrayRef, EngineError> {
    let batches = record.read_as(table, version, &[(name, TextAs::Dictionary)]).await?;
    let arrays: Vec<&dyn Array> = batches.iter().map(|b| b.column(0).as_ref()).collect();
    match arrays.as_slice() {
        [] => Ok(datafusion::arrow::array::new_empty_array(&crate::record::dictionary_type())),
        [one] => Ok(one.slice(0, one.len())),
        many => Ok(concat(many)?),
    }
}

fn ids(rows: &RecordBatch, column: &str) -> StringArray {
    text(rows, column).unwrap_or_else(|| StringArray::new_null(rows.num_rows()))
}

/// Rows of a plain table ordered by id.
pub fn plain(rows: &RecordBatch, id: &str) -> Result<RecordBatch, EngineError> {
    let own = ids(rows, id);
    let mut order: Vec<u32> = (0..own.len() as u32).collect();
    order.sort_by(|a, b| own.value(*a as usize).cmp(own.value(*b as usize)));
    Ok(take_record_batch(rows, &UInt32Array::from(order))?)
}

/// Accounts, people and opportunities in the order of the pass.
pub struct Arranged {
    /// Accounts, those that only others name included (with empty columns).
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

/// A text column as a position in a list of values for each row.
struct Coded {
    codes: Vec<u32>,
    values: StringArray,
}

impl Coded {
    fn new(rows: &RecordBatch, name: &str) -> Result<Self, EngineError> {
        let none = || -> ArrayRef { datafusion::arrow::array::new_null_array(&crate::record::dictionary_type(), rows.num_rows()) };
        let column = rows.column_by_name(name).map_or_else(none, Arc::clone);
        let column = cast(&column, &crate::record::dictionary_type())?;
        let dict = column.as_dictionary::<Int32Type>();
        let codes = dict.keys().iter().map(|k| k.map_or(NONE, |k| k as u32)).collect();
        Ok(Self { codes, values: cast(dict.values(), &DataType::Utf8)?.as_string::<i32>().clone() })
    }

    /// Number of each row, and the values that have none.
    fn numbers(&self, known: &Ids) -> (Vec<u32>, Vec<&str>) {
        let of_value = known.walk(&self.values);
        let mut unknown = Vec::new();
        let mut seen = vec![false; of_value.len()];
        let numbers = self
            .codes
            .iter()
            .map(|c| {
                let Some(number) = of_value.get(*c as usize) else { return NONE };
                if *number == NONE && !std::mem::replace(&mut seen[*c as usize], true) && self.values.is_valid(*c as usize) {
                    unknown.push(self.values.value(*c as usize));
                }
                *number
            })
            .collect();
        (numbers, unknown)
    }
}

/// Arranges accounts, people and opportunities. The account column of the last three may be a
/// dictionary.
pub fn arrange(
    accounts: &RecordBatch,
    people: &RecordBatch,
    opportunities: &RecordBatch,
    purchases: &RecordBatch,
    merges: &Merges,
) -> Result<Arranged, EngineError> {
    let named = [Coded::new(people, "account_id")?, Coded::new(opportunities, "account_id")?, Coded::new(purchases, "account_id")?];
    let accounts = all_accounts(accounts, &named, merges)?;
    let person_account = named[0].numbers(&accounts.ids).0;
    let opportunity_account = named[1].numbers(&accounts.ids).0;
    let (people, account_of_person) = members(people, "person_id", "person", &person_account, merges)?;
    let (opportunities, account_of_opportunity) =
        members(opportunities, "opportunity_id", "opportunity", &opportunity_account, merges)?;
    let (groups, group_of_person) = groups(accounts.len() as u32, &account_of_person, &account_of_opportunity);
    Ok(Arranged { accounts, people, account_of_person, opportunities, account_of_opportunity, groups, group_of_person })
}

/// Entities of accounts in order of account and id, without those that were merged away.
fn members(
    rows: &RecordBatch,
    id: &str,
    subject: &str,
    account: &[u32],
    merges: &Merges,
) -> Result<(Entities, Vec<u32>), EngineError> {
    let own = ids(rows, id);
    let mut order: Vec<u32> = (0..own.len() as u32).filter(|i| !merges.is_gone(subject, own.value(*i as usize))).collect();
    order.sort_by(|a, b| {
        let (a, b) = (*a as usize, *b as usize);
        account[a].cmp(&account[b]).then_with(|| own.value(a).cmp(own.value(b)))
    });
    let accounts = order.iter().map(|i| account[*i as usize]).collect();
    Ok((Entities::new(rows, UInt32Array::from(order), id, Some(merges), subject)?, accounts))
}

/// Accounts in order of id; an account that only others name gets a row with its id alone.
fn all_accounts(rows: &RecordBatch, named: &[Coded], merges: &Merges) -> Result<Entities, EngineError> {
    let own = ids(rows, "account_id");
    let mut all: Vec<(&str, Option<u32>)> =
        (0..own.len()).map(|i| (own.value(i), Some(i as u32))).filter(|(id, _)| !merges.is_gone("account", id)).collect();
    let known = Ids::new(own.clone(), Vec::new());
    for column in named {
        all.extend(column.numbers(&known).1.into_iter().map(|id| (merges.canonical("account", id), None)));
    }
    // Survivors that nobody names but a merge: their leads stand under them.
    all.extend(merges.of("account").map(|(_, into)| (into, None)).filter(|(into, _)| known.find(into) == NONE));
    all.sort_by(|a, b| a.0.cmp(b.0).then(a.1.is_none().cmp(&b.1.is_none())));
    all.dedup_by(|b, a| a.0 == b.0);
    let order: UInt32Array = all.iter().map(|(_, row)| *row).collect();
    let mut entities = Entities::new(rows, order.clone(), "account_id", None, "account")?;
    if order.null_count() > 0 {
        let at = entities.rows.schema().index_of("account_id")?;
        let mut columns = entities.rows.columns().to_vec();
        columns[at] = Arc::new(StringArray::from_iter_values(all.iter().map(|(id, _)| *id)));
        entities.rows = RecordBatch::try_new(entities.rows.schema(), columns)?;
    }
    let merged = merged(Some(merges), "account", &entities.rows, "account_id");
    entities.ids = Arc::new(Ids::new(ids(&entities.rows, "account_id"), merged));
    Ok(entities)
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

/// Currency of each row; a missing or unknown one is the reporting one.
pub fn currencies(rows: &RecordBatch, reporting: Currency) -> Vec<Currency> {
    let mut known: Vec<Currency> = Vec::new();
    let mut place = |text: &str| {
        let own = Currency::parse(text.trim()).unwrap_or(reporting);
        let at = known.iter().position(|k| *k == own).unwrap_or_else(|| {
            known.push(own);
            known.len() - 1
        });
        at as u32
    };
    let codes = super::columns::numbered(rows, "currency", &mut place);
    codes.into_iter().map(|c| known.get(c as usize).copied().unwrap_or(reporting)).collect()
}

/// Amount of each row in minor units of its own currency; a missing currency is the reporting one.
pub fn money_column(rows: &RecordBatch, column: &str, reporting: Currency) -> Vec<(Option<i64>, Currency)> {
    let amount = super::columns::decimals(rows, column);
    let minor = |i: usize, own: Currency| {
        let (a, scale) = amount.as_ref().filter(|(a, _)| a.is_valid(i))?;
        super::columns::minor_units(a.value(i), *scale, u32::from(own.exponent()))
    };
    currencies(rows, reporting).into_iter().enumerate().map(|(i, own)| (minor(i, own), own)).collect()
}

/// Instant of each row; a missing one lies before all time.
pub fn instant_column(rows: &RecordBatch, column: &str) -> Vec<Micros> {
    let at = instants(rows, column);
    (0..rows.num_rows()).map(|i| Micros(cell(&at, i).unwrap_or(i64::MIN / 4))).collect()
}

/// A column in the order of the entities.
pub fn in_order(column: &ArrayRef, order: Option<&UInt32Array>) -> Result<ArrayRef, EngineError> {
    Ok(match order {
        Some(order) => take(column, order, None)?,
        None => Arc::clone(column),
    })
}
