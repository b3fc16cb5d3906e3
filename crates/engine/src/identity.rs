//! Identity and the record: what it reads, and what its links do to people before the pass.
//!
//! Merges are followed by [`crate::load`]; here are the accounts that people get by their e-mail domain, and the
//! mark of those in quarantine, the column `quarantined` of every fact about them.

use crate::error::EngineError;
use crate::load::columns::{instants, text};
use crate::load::entities::read_all;
use crate::record::Record;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use treaty_app::identity::{Accounts, DECISION, FAKE, Link, MEMBER, People, QUARANTINE, REAL, Snapshot, ids_of};
use treaty_app::layout::ATTRIBUTES;
use treaty_app::raw::TextColumn;

/// Attribute of people in quarantine.
pub const QUARANTINED: &str = "quarantined";

/// Reads what identity needs. Attributes are read only if one of them is wanted.
///
/// # Errors
/// When the record cannot be read.
pub async fn read(record: &Record, version: u64, wanted: &(dyn Fn(&str) -> bool + Sync)) -> Result<Snapshot, EngineError> {
    let mut out = Snapshot::default();
    let with_attributes = record.attribute_keys("people", version)?.iter().any(|k| wanted(k));
    let mut columns = vec!["person_id", "account_id", "email", "name", "phone", "country", "created_at"];
    if with_attributes {
        columns.push(ATTRIBUTES);
    }
    for batch in record.read("people", version, &columns, false).await? {
        let People { id, account, email, name, phone, country, attributes, created_at } = &mut out.people;
        for (column, name) in
            [(id, "person_id"), (account, "account_id"), (email, "email"), (name, "name"), (phone, "phone"), (country, "country"), (attributes, ATTRIBUTES)]
        {
            append(column, &batch, name)?;
        }
        times(created_at, &batch, "created_at");
    }
    for batch in record.read("accounts", version, &["account_id", "name", "domain", "parent_account_id", "created_at"], false).await? {
        let Accounts { id, name, domain, parent, created_at } = &mut out.accounts;
        for (column, name) in [(id, "account_id"), (name, "name"), (domain, "domain"), (parent, "parent_account_id")] {
            append(column, &batch, name)?;
        }
        times(created_at, &batch, "created_at");
    }
    for batch in record.read("merges", version, &["subject_type", "from_id", "into_id", "merged_at", ATTRIBUTES], false).await? {
        out.links.extend(links(&batch));
    }
    Ok(out)
}

fn append(column: &mut TextColumn, batch: &RecordBatch, name: &str) -> Result<(), EngineError> {
    let cells = text(batch, name);
    for i in 0..batch.num_rows() {
        column.push(cells.as_ref().filter(|c| c.is_valid(i)).map(|c| c.value(i)));
    }
    if column.offsets.last() == Some(&i32::MAX) {
        return Err(EngineError::Ask(format!("the record has more text in {name} than identity can hold; turn it off with after_import = \"never\"")));
    }
    Ok(())
}

fn times(out: &mut Vec<i64>, batch: &RecordBatch, name: &str) {
    let at = instants(batch, name);
    out.extend((0..batch.num_rows()).map(|i| at.as_ref().filter(|c| c.is_valid(i)).map_or(0, |c| c.value(i))));
}

fn links(batch: &RecordBatch) -> Vec<Link> {
    let column = |name| text(batch, name).unwrap_or_else(|| StringArray::new_null(batch.num_rows()));
    let (kind, from, into, attributes) = (column("subject_type"), column("from_id"), column("into_id"), column(ATTRIBUTES));
    let at = instants(batch, "merged_at");
    (0..batch.num_rows())
        .map(|i| {
            let all: BTreeMap<String, serde_json::Value> =
                Some(&attributes).filter(|a| a.is_valid(i)).and_then(|a| serde_json::from_str(a.value(i)).ok()).unwrap_or_default();
            let said = |name: &str| all.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
            let cell = |c: &StringArray| if c.is_valid(i) { c.value(i).to_owned() } else { String::new() };
            Link {
                kind: cell(&kind),
                from: cell(&from),
                into: cell(&into),
                at: at.as_ref().filter(|c| c.is_valid(i)).map_or(0, |c| c.value(i)),
                by: said("source"),
                why: said("reason"),
            }
        })
        .collect()
}

/// Rows of `people` or `accounts` as text by name, attributes among the columns, for the ids that are asked for.
///
/// # Errors
/// When the record cannot be read.
pub async fn cells(
    record: &Record,
    version: u64,
    table: &'static str,
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<(&'static str, String), BTreeMap<String, String>>, EngineError> {
    let mut out = BTreeMap::new();
    let Some(layout) = treaty_app::layout::table(table).filter(|_| !ids.is_empty()) else { return Ok(out) };
    let mut columns: Vec<&str> = layout.columns.iter().map(|c| c.name).collect();
    columns.push(ATTRIBUTES);
    for batch in record.read(table, version, &columns, false).await? {
        let texts: Vec<(&str, StringArray)> = columns.iter().filter_map(|c| Some((*c, text(&batch, c)?))).collect();
        let Some(id) = text(&batch, layout.key[0]) else { continue };
        for i in (0..batch.num_rows()).filter(|i| ids.contains(id.value(*i))) {
            let mut row: BTreeMap<String, String> = BTreeMap::new();
            for (name, cells) in texts.iter().filter(|(_, c)| c.is_valid(i)) {
                if *name == ATTRIBUTES {
                    let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(cells.value(i)).unwrap_or_default();
                    row.extend(all.into_iter().filter_map(|(k, v)| Some((k, v.as_str()?.to_owned()))));
                } else {
                    row.insert((*name).to_owned(), cells.value(i).to_owned());
                }
            }
            out.insert((table, id.value(i).to_owned()), row);
        }
    }
    Ok(out)
}

/// People of the record with the accounts that identity found for those whose source names none.
///
/// # Errors
/// When columns do not fit together, which is a defect.
pub fn settle(people: RecordBatch, merges: &RecordBatch) -> Result<RecordBatch, EngineError> {
    let mut members: BTreeMap<String, String> = BTreeMap::new();
    each(merges, |kind, from, into| {
        if kind == MEMBER && from != into {
            members.insert(from.to_owned(), into.to_owned());
        }
    });
    if members.is_empty() {
        return Ok(people);
    }
    let ids = text(&people, "person_id").unwrap_or_else(|| StringArray::new_null(people.num_rows()));
    let own = text(&people, "account_id").unwrap_or_else(|| StringArray::new_null(people.num_rows()));
    let account: StringArray = ids.iter().zip(own.iter()).map(|(id, own)| own.or_else(|| members.get(id?).map(String::as_str))).collect();
    let schema = people.schema();
    let columns = schema.fields().iter().zip(people.columns()).map(|(field, column)| -> (&str, ArrayRef, bool) {
        if field.name() == "account_id" { ("account_id", Arc::new(account.clone()), true) } else { (field.name().as_str(), Arc::clone(column), true) }
    });
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

/// People in quarantine: suspected and not cleared, or confirmed.
pub fn suspects(merges: &RecordBatch) -> BTreeSet<String> {
    let (mut suspects, mut real) = (BTreeSet::new(), HashSet::new());
    each(merges, |kind, from, into| match (kind, into) {
        (QUARANTINE, QUARANTINE) => _ = suspects.insert(from.to_owned()),
        (DECISION, FAKE) => suspects.extend(ids_of(from)),
        (DECISION, REAL) => real.extend(ids_of(from)),
        _ => {}
    });
    suspects.retain(|id| !real.contains(id));
    suspects
}

/// People in quarantine in a version of the record.
///
/// # Errors
/// When the record cannot be read.
pub async fn marked(record: &Record, version: u64) -> Result<BTreeSet<String>, EngineError> {
    // A decision and the suspicion that it is about may lie in different files.
    Ok(suspects(&read_all(record, "merges", version, &["subject_type", "from_id", "into_id"]).await?))
}

/// The mark of each id: `yes` for those in quarantine.
///
/// # Errors
/// When the ids are no text, which is a defect.
pub fn marks(ids: &ArrayRef, suspects: &BTreeSet<String>) -> Result<ArrayRef, EngineError> {
    let ids = cast(ids, &DataType::Utf8)?;
    let ids = ids.as_string::<i32>();
    let codes: Int32Array = ids.iter().map(|id| Some(i32::from(id.is_some_and(|id| suspects.contains(id))))).collect();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(codes, Arc::new(StringArray::from(vec!["no", "yes"])))?))
}

fn each(merges: &RecordBatch, mut take: impl FnMut(&str, &str, &str)) {
    if let (Some(kind), Some(from), Some(into)) = (text(merges, "subject_type"), text(merges, "from_id"), text(merges, "into_id")) {
        (0..merges.num_rows()).for_each(|i| take(kind.value(i), from.value(i), into.value(i)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(columns: &[(&str, Vec<Option<&str>>)]) -> RecordBatch {
        let columns = columns.iter().map(|(name, cells)| (*name, Arc::new(StringArray::from(cells.clone())) as ArrayRef, true));
        RecordBatch::try_from_iter_with_nullable(columns).expect("a batch")
    }

    #[test]
    fn people_get_accounts_and_marks_but_keep_what_their_source_says() {
        let people = batch(&[
            ("person_id", vec![Some("P1"), Some("P2"), Some("P3"), Some("P4")]),
            ("account_id", vec![None, Some("A1"), None, None]),
        ]);
        let merges = batch(&[
            ("subject_type", vec![Some("member"), Some("member"), Some("member"), Some("quarantine"), Some("quarantine"), Some("decision"), Some("decision")]),
            ("from_id", vec![Some("P1"), Some("P2"), Some("P4"), Some("P3"), Some("P1"), Some("[\"P1\"]"), Some("[\"P4\"]")]),
            ("into_id", vec![Some("acme.com"), Some("acme.com"), Some("P4"), Some("quarantine"), Some("quarantine"), Some("real"), Some("fake")]),
        ]);
        let out = settle(people, &merges).expect("people");
        let account = text(&out, "account_id").expect("a column");
        assert_eq!(account.iter().collect::<Vec<_>>(), [Some("acme.com"), Some("A1"), None, None]);
        let marks = marks(out.column(0), &suspects(&merges)).expect("marks");
        let marks = cast(&marks, &DataType::Utf8).expect("text");
        assert_eq!(marks.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("no"), Some("no"), Some("yes"), Some("yes")]);
    }
}
