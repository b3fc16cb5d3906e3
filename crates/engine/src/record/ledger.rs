//! The ledger: one row for every version of the record. Its commit is what makes an import happen.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute;
use datafusion::arrow::datatypes::{
    DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::reader::ChunkReader;
use serde_json::json;
use treaty_app::import::{Details, LogEntry};
use treaty_app::raw::Fault;

use super::error::{RecordError, Result};
use super::gone::Gone;
use super::store::{self, Store, StoredFile};
use super::{encode, hash};

/// Name of the ledger's table.
pub const LEDGER: &str = "_ledger";

/// Small files of the ledger that are kept before they become one.
const MANY: usize = 32;

/// A version of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What `treaty log` shows.
    pub entry: LogEntry,
    /// Delta version of every table that has rows or had them.
    pub tables: BTreeMap<String, u64>,
    /// Names of the attributes of each table.
    pub attributes: BTreeMap<String, Vec<String>>,
    /// The version that this one takes back.
    pub undoes: Option<u64>,
}

impl Row {
    /// The version that follows.
    pub fn next(&self, entry: LogEntry, undoes: Option<u64>) -> Self {
        Self { entry, tables: self.tables.clone(), attributes: self.attributes.clone(), undoes }
    }
}

/// All versions, oldest first.
pub type Ledger = Vec<Row>;

fn schema() -> SchemaRef {
    let mut fields = vec![
        Field::new("version", DataType::Int64, true),
        Field::new(
            "at",
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            true,
        ),
        Field::new("kind", DataType::Utf8, true),
        Field::new("what", DataType::Utf8, true),
    ];
    for count in ["read", "written", "changed", "unchanged", "rejected"] {
        fields.push(Field::new(count, DataType::Int64, true));
    }
    fields.push(Field::new("tables", DataType::Utf8, true));
    fields.push(Field::new("attributes", DataType::Utf8, true));
    fields.push(Field::new("undoes", DataType::Int64, true));
    fields.push(Field::new("filtered", DataType::Int64, true));
    fields.push(Field::new("source", DataType::Utf8, true));
    fields.push(Field::new("details", DataType::Utf8, true));
    Arc::new(Schema::new(fields))
}

/// Creates an empty ledger where there is none.
pub async fn create(store: &Store) -> Result<()> {
    store
        .newest_or_create(LEDGER, &schema(), 0)
        .await
        .map(|_| ())
}

/// Reads all versions, and at which Delta version of the ledger they were found.
pub async fn read(store: &Store) -> Result<(u64, Ledger)> {
    let table = store.newest(LEDGER).await?;
    let objects = store.objects(LEDGER)?;
    let files = store::files(&table)?;
    let names = files.iter().map(|f| store::get(&objects, &f.name));
    let mut ledger = Ledger::new();
    for bytes in futures::future::try_join_all(names).await? {
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
            ledger.extend(decode(&batch?)?);
        }
    }
    ledger.sort_by_key(|row| row.entry.version);
    Ok((table.version().unwrap_or(0), ledger))
}

/// Adds a version to the ledger as it was at a Delta version: the atomic point of every import. Of
/// two writers that saw the same ledger, the second fails here. Returns the Delta version of the
/// ledger.
pub async fn append(store: &Store, onto: u64, before: &Ledger, row: &Row) -> Result<u64> {
    let table = store
        .newest_or_create(LEDGER, &schema(), row.entry.at)
        .await?;
    let objects = store.objects(LEDGER)?;
    let mut wanted = store::files(&table)?;
    let rows: Vec<&Row> = if wanted.len() >= MANY {
        wanted.clear();
        before.iter().chain([row]).collect()
    } else {
        vec![row]
    };
    let bytes = encode::encode_small(&batch(&rows)?)?;
    let name = format!("v{:08}-{}.parquet", row.entry.version, hash::digest(&bytes));
    let file = StoredFile {
        name: name.clone(),
        size: bytes.len() as u64,
        rows: rows.len() as u64,
        gone: Gone::default(),
        stats: Some(json!({ "numRecords": rows.len() }).to_string()),
        modified: row.entry.at.div_euclid(1000),
    };
    store::put(&objects, &name, bytes).await?;
    wanted.push(file);
    let version = store
        .commit_onto(LEDGER, &schema(), &wanted, row.entry.at, Some(onto))
        .await?;
    store.tidy(LEDGER, version).await;
    Ok(version)
}

/// Keeps the refused rows of an import beside the ledger; returns the name of the file. Nobody sees it before the ledger
/// names it.
pub async fn keep_refused(store: &Store, version: u64, faults: &[Fault]) -> Result<String> {
    let rows: Vec<_> = faults
        .iter()
        .map(|f| json!([f.file, f.line, f.column, f.reason]))
        .collect();
    let bytes = json!(rows).to_string().into_bytes();
    let name = format!("refused-v{version:08}-{}.json", hash::digest(&bytes));
    store::put(&store.objects(LEDGER)?, &name, bytes).await?;
    Ok(name)
}

/// Reads them again.
pub async fn refused(store: &Store, name: &str) -> Result<Vec<Fault>> {
    let file = store::get(&store.objects(LEDGER)?, name).await?;
    let broken = |e: &dyn std::fmt::Display| RecordError::read(format!("reading {name}"), e);
    let reader = file.get_read(0).map_err(|e| broken(&e))?;
    let rows: Vec<(String, u64, Option<String>, String)> =
        serde_json::from_reader(reader).map_err(|e| broken(&e))?;
    let fault = |(file, line, column, reason)| Fault {
        file,
        line,
        column,
        reason,
    };
    Ok(rows.into_iter().map(fault).collect())
}

fn batch(rows: &[&Row]) -> Result<RecordBatch> {
    let long = |of: &dyn Fn(&Row) -> Option<u64>| -> ArrayRef {
        Arc::new(
            rows.iter()
                .map(|r| of(r).and_then(|n| i64::try_from(n).ok()))
                .collect::<Int64Array>(),
        )
    };
    let text = |of: &dyn Fn(&Row) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|r| of(r))))
    };
    let at = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|r| r.entry.at));
    let columns = vec![
        long(&|r| Some(r.entry.version)),
        Arc::new(at.with_timezone("UTC")) as ArrayRef,
        text(&|r| r.entry.kind.clone()),
        text(&|r| r.entry.what.clone()),
        long(&|r| Some(r.entry.read)),
        long(&|r| Some(r.entry.written)),
        long(&|r| Some(r.entry.changed)),
        long(&|r| Some(r.entry.unchanged)),
        long(&|r| Some(r.entry.rejected)),
        text(&|r| json!(r.tables).to_string()),
        text(&|r| json!(r.attributes).to_string()),
        long(&|r| r.undoes),
        long(&|r| Some(r.entry.filtered)),
        text(&|r| r.entry.source.clone()),
        text(&|r| json!(r.entry.details).to_string()),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

fn decode(batch: &RecordBatch) -> Result<Vec<Row>> {
    let broken =
        |what: &str| RecordError::read("reading the ledger", format!("column `{what}` is damaged"));
    let column = |name: &str, to: &DataType| -> Result<ArrayRef> {
        let array = batch.column_by_name(name).ok_or_else(|| broken(name))?;
        Ok(compute::cast(array, to)?)
    };
    let long = |name: &str| column(name, &DataType::Int64);
    let text = |name: &str| column(name, &DataType::Utf8);
    let (version, undoes) = (long("version")?, long("undoes")?);
    let at = column(
        "at",
        &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
    )?;
    let (kind, what, tables, attributes) = (
        text("kind")?,
        text("what")?,
        text("tables")?,
        text("attributes")?,
    );
    let counts = [
        long("read")?,
        long("written")?,
        long("changed")?,
        long("unchanged")?,
        long("rejected")?,
    ];
    // Ledgers of older versions of Treaty lack these.
    let filtered = long("filtered").ok();
    let (source, details) = (text("source").ok(), text("details").ok());
    let number =
        |a: &ArrayRef, i: usize| u64::try_from(a.as_primitive::<Int64Type>().value(i)).unwrap_or(0);
    let word = |a: &ArrayRef, i: usize| a.as_string::<i32>().value(i).to_owned();
    (0..batch.num_rows())
        .map(|i| {
            let count = |c: usize| number(&counts[c], i);
            Ok(Row {
                entry: LogEntry {
                    version: number(&version, i),
                    at: at.as_primitive::<TimestampMicrosecondType>().value(i),
                    kind: word(&kind, i),
                    what: word(&what, i),
                    read: count(0),
                    written: count(1),
                    changed: count(2),
                    unchanged: count(3),
                    rejected: count(4),
                    filtered: filtered.as_ref().map_or(0, |a| number(a, i)),
                    source: source.as_ref().map_or_else(String::new, |a| word(a, i)),
                    details: match &details {
                        Some(a) if a.is_valid(i) => serde_json::from_str(&word(a, i))
                            .map_err(|_| broken("details"))?,
                        _ => Details::default(),
                    },
                },
                tables: serde_json::from_str(&word(&tables, i)).map_err(|_| broken("tables"))?,
                attributes: serde_json::from_str(&word(&attributes, i))
                    .map_err(|_| broken("attributes"))?,
                undoes: undoes.is_valid(i).then(|| number(&undoes, i)),
            })
        })
        .collect()
}
