//! Whose word counts: what the row of a merged thing shows where its sources say different things.
//!
//! Each system's row stays in the record as it said it. Facts see one row a thing, that of the survivor; for each column that
//! `[truth]` puts sources in order for, it shows the value of the first source that has one, of whatever row of the thing.

use super::columns::{ints, text};
use super::entities::read_all;
use super::merges::Merges;
use crate::error::EngineError;
use crate::record::{Record, VERSION};
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, StringArray, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::common::HashMap;
use std::collections::BTreeMap;
use treaty_app::layout;
use treaty_domain::zone::Micros;

/// The rows of a table with the values that count.
///
/// # Errors
/// When the record cannot be read.
pub async fn settle(record: &Record, version: u64, table: &str, rows: RecordBatch, merges: &Merges) -> Result<RecordBatch, EngineError> {
    let Some(orders) = record.truth().get(table) else { return Ok(rows) };
    let Some(things) = Things::read(record, version, table, merges).await? else { return Ok(rows) };
    let schema = rows.schema();
    let mut columns = rows.columns().to_vec();
    for (name, order) in orders {
        let Ok(at) = schema.index_of(name) else { continue };
        let picked = things.pick(rows.column(at), order);
        columns[at] = take(rows.column(at), &picked, None)?;
        // An amount without its currency is another amount.
        if name == "amount"
            && !orders.contains_key("currency")
            && let Ok(currency) = schema.index_of("currency")
        {
            columns[currency] = take(rows.column(currency), &picked, None)?;
        }
    }
    Ok(RecordBatch::try_new(schema, columns)?)
}

/// One column of all rows of a table, in the order in which they are stored, with the values that count.
///
/// # Errors
/// When the record cannot be read.
pub async fn column(record: &Record, version: u64, table: &str, name: &str, column: ArrayRef, as_of: Micros) -> Result<ArrayRef, EngineError> {
    let Some(order) = record.truth().get(table).and_then(|o| o.get(name)) else { return Ok(column) };
    let rows = read_all(record, "merges", version, &["subject_type", "from_id", "into_id", "merged_at"]).await?;
    let merges = Merges::new(&rows, as_of);
    let Some(things) = Things::read(record, version, table, &merges).await? else { return Ok(column) };
    Ok(take(&column, &things.pick(&column, order), None)?)
}

/// Things that several rows of a table are about.
struct Things {
    ids: StringArray,
    /// Rows of each thing, that of the survivor first.
    rows: Vec<Vec<u32>>,
    /// Source of each of these rows.
    sources: HashMap<u32, String>,
}

impl Things {
    async fn read(record: &Record, version: u64, table: &str, merges: &Merges) -> Result<Option<Self>, EngineError> {
        let kind = match table {
            "people" => "person",
            "accounts" => "account",
            _ => "opportunity",
        };
        let mut groups: BTreeMap<&str, Vec<u32>> = merges.of(kind).map(|(_, into)| (into, Vec::new())).collect();
        if groups.is_empty() {
            return Ok(None);
        }
        let key = layout::table(table).map_or("", |t| t.key[0]);
        let stored = read_all(record, table, version, &[key, VERSION]).await?;
        let Some(ids) = text(&stored, key) else { return Ok(None) };
        for (i, id) in ids.iter().enumerate() {
            let Some(id) = id else { continue };
            let survivor = merges.canonical(kind, id);
            if let Some(group) = groups.get_mut(survivor) {
                let at = if survivor == id { 0 } else { group.len() };
                group.insert(at, i as u32);
            }
        }
        // Where the survivor has no row, no row stands for the thing.
        let has_survivor = |survivor: &str, group: &[u32]| group.first().is_some_and(|r| ids.value(*r as usize) == survivor);
        let rows: Vec<Vec<u32>> = groups.into_iter().filter(|(s, g)| g.len() > 1 && has_survivor(s, g)).map(|(_, g)| g).collect();
        let names: HashMap<u64, String> = record.log().into_iter().map(|e| (e.version, crate::trust::source_of(&e).to_owned())).collect();
        let versions = ints(&stored, VERSION);
        let source = |row: u32| {
            let version = versions.as_ref().filter(|v| v.is_valid(row as usize)).map(|v| v.value(row as usize));
            version.and_then(|v| names.get(&u64::try_from(v).unwrap_or(0)).cloned()).unwrap_or_else(|| "native".to_owned())
        };
        let sources = rows.iter().flatten().map(|r| (*r, source(*r))).collect();
        Ok(Some(Self { ids, rows, sources }))
    }

    /// For each stored row the row whose value it shows.
    fn pick(&self, column: &ArrayRef, order: &[String]) -> UInt32Array {
        let mut picked: Vec<u32> = (0..column.len() as u32).collect();
        for rows in &self.rows {
            let survivor = rows[0];
            // The survivor's word counts before that of a source that nobody named.
            let rank = |row: u32| {
                let named = self.sources.get(&row).and_then(|s| order.iter().position(|o| o == s));
                named.unwrap_or(order.len() + usize::from(row != survivor))
            };
            let said = rows.iter().copied().filter(|r| says(column, *r as usize));
            if let Some(best) = said.min_by_key(|r| (rank(*r), self.ids.value(*r as usize))) {
                picked[survivor as usize] = best;
            }
        }
        UInt32Array::from(picked)
    }
}

/// The cell has a value; the words of a dictionary may be missing, too.
fn says(column: &ArrayRef, row: usize) -> bool {
    column.is_valid(row) && column.logical_nulls().is_none_or(|n| n.is_valid(row))
}
