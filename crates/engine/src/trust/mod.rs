//! Whether the numbers can be trusted: what the record lacks and what that does to which number, how much can be measured,
//! how healthy the data are, and where sources disagree. Every answer is a [`Report`] like any other.
//!
//! - [`lineage`] says which columns of the record each column of the facts rests on;
//! - `gaps`, `coverage` and `sources` are what `treaty doctor` tells;
//! - `health` and `cleanup` are reports of data health (A27);
//! - `reconcile` compares sources with the record and with each other.

mod cleanup;
mod coverage;
mod gaps;
mod health;
pub mod lineage;
mod reconcile;
mod sources;

use crate::case::Case;
use crate::error::EngineError;
use crate::record::Record;
use crate::reports::{Ask, Row, Rows};
use crate::sql;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::prelude::SessionContext;
use std::collections::BTreeMap;
use std::sync::Arc;
use treaty_app::import::{LogEntry, SNAPSHOT_BY, TableCount};
use treaty_app::layout::{self, Table};
use treaty_app::report::{Column, Report};
use treaty_app::trust::{Health, Truth};

/// Names of the reports about the data themselves.
pub const NAMES: [&str; 8] = ["systems", "gaps", "coverage", "maturity", "health", "clean-up", "conflicts", "overlap"];

/// Reports that `treaty doctor` tells, in reading order.
pub const DOCTOR: [&str; 4] = ["systems", "gaps", "coverage", "maturity"];

/// Reports of `treaty reconcile`, in reading order.
pub const RECONCILE: [&str; 2] = ["overlap", "conflicts"];

/// The record beside the facts, row by row with its source.
pub struct Trust<'a> {
    /// The record.
    pub record: &'a Record,
    /// The facts.
    pub case: &'a Case,
    /// What is healthy.
    pub health: &'a Health,
    /// Whose word counts.
    pub truth: &'a Truth,
    cx: SessionContext,
    log: Vec<LogEntry>,
}

impl<'a> Trust<'a> {
    /// Opens the record of a case.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub async fn open(record: &'a Record, case: &'a Case, health: &'a Health, truth: &'a Truth) -> Result<Self, EngineError> {
        let log: Vec<LogEntry> = record.log().into_iter().filter(|e| e.version <= case.facts.view.version).collect();
        let cx = case.query_session(record).await?;
        register(&cx, &log, layout::TABLES).await?;
        let suspects = crate::identity::marked(record, case.facts.view.version).await?;
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(&suspects));
        cx.register_batch("_suspects", RecordBatch::try_from_iter([("person_id", ids)])?)?;
        Ok(Self { record, case, health, truth, cx, log })
    }

    /// Makes a report by name.
    ///
    /// # Errors
    /// When there is no such report, or the record cannot be read.
    pub async fn report(&self, name: &str) -> Result<Report, EngineError> {
        match name {
            "systems" => sources::report(self).await,
            "gaps" => gaps::report(self).await,
            "coverage" => coverage::report(self).await,
            "maturity" => coverage::maturity(self).await,
            "health" => health::report(self).await,
            "clean-up" => cleanup::report(self).await,
            "conflicts" => reconcile::conflicts(self).await,
            "overlap" => reconcile::overlap(self).await,
            _ => Err(EngineError::Ask(format!("there is no report `{name}` about the data; there are {}", NAMES.join(", ")))),
        }
    }

    /// Compares what files of sources hold with what the record holds of them; without files, those of the last import of
    /// each source.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn balance(&self, files: Option<(String, Vec<TableCount>)>) -> Result<Report, EngineError> {
        let landed = files.is_none();
        let all = match files {
            Some(one) => vec![one],
            None => self.newest().into_iter().map(|(s, e)| (s.to_owned(), settled(&e.details.tables))).collect(),
        };
        reconcile::balance(self, &all, landed).await
    }

    /// Rows of a query whose first `dims` columns are text.
    async fn rows(&self, text: &str, dims: usize) -> Result<Vec<Row>, EngineError> {
        Ok(Rows::collect(&self.cx, text, dims).await?.0)
    }

    /// The one row of a query of numbers.
    async fn one(&self, text: &str) -> Result<Row, EngineError> {
        Ok(Rows::collect(&self.cx, text, 0).await?.one())
    }

    /// An empty report.
    async fn blank(&self, name: &str, question: &str, columns: Vec<Column>) -> Result<Report, EngineError> {
        Ok(self.case.desk(1).await?.blank(name, question, &Ask::default(), columns))
    }

    /// Rows of every table by source.
    async fn counts(&self) -> Result<BTreeMap<(&'static str, String), i64>, EngineError> {
        let mut out = BTreeMap::new();
        for table in layout::TABLES {
            let text = format!("SELECT _source, count(*) AS n FROM {} GROUP BY _source", rows_of(table.name));
            for row in self.rows(&text, 1).await? {
                out.insert((table.name, row.dim(0).unwrap_or_default().to_owned()), row.int("n"));
            }
        }
        Ok(out)
    }

    /// The last import of each source that is not undone.
    fn newest(&self) -> BTreeMap<&str, &LogEntry> {
        let mut out = BTreeMap::new();
        for e in self.standing() {
            out.insert(source_of(e), e);
        }
        out
    }

    /// The local day of an instant.
    fn day_of(&self, at: i64) -> String {
        let agreement = self.case.set.on(self.case.facts.view.day());
        agreement.zone.local_day(treaty_domain::zone::Micros(at)).to_string()
    }

    /// Imports that are not undone.
    fn standing(&self) -> impl Iterator<Item = &LogEntry> {
        standing(&self.log)
    }
}

/// Imports that are not undone: an undo takes back the newest that stands.
pub(crate) fn standing(log: &[LogEntry]) -> impl Iterator<Item = &LogEntry> {
    let mut kept: Vec<&LogEntry> = Vec::new();
    for e in log {
        match e.kind.as_str() {
            "undo" => _ = kept.pop(),
            "import" => kept.push(e),
            _ => {}
        }
    }
    kept.into_iter()
}

/// The counts of an import once it has landed: what was new or different is the same now.
fn settled(tables: &[TableCount]) -> Vec<TableCount> {
    let land = |t: &TableCount| TableCount { written: 0, changed: 0, unchanged: t.unchanged + t.written + t.changed, ..t.clone() };
    tables.iter().map(land).collect()
}

/// Name of the source of an import.
pub(crate) fn source_of(e: &LogEntry) -> &str {
    if e.source.is_empty() { "native" } else { &e.source }
}

/// Name of the view of a record table whose rows tell their source in `_source`.
pub(crate) fn rows_of(table: &str) -> String {
    format!("rows_{table}")
}

/// Registers a view `rows_<table>` for each record table: its rows with `_source`, the source that wrote them.
pub(crate) async fn register(cx: &SessionContext, log: &[LogEntry], tables: &[Table]) -> Result<(), EngineError> {
    let versions: Int64Array = log.iter().map(|e| i64::try_from(e.version).ok()).collect();
    let names: StringArray = log.iter().map(|e| Some(source_of(e))).collect();
    let at: Int64Array = log.iter().map(|e| Some(e.at)).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![("version", Arc::new(versions)), ("source", Arc::new(names)), ("imported", Arc::new(at))];
    cx.register_batch("_imports", RecordBatch::try_from_iter(columns)?)?;
    for table in tables {
        let own = if table.column("source").is_some() { "nullif(t.source, '')" } else { "NULL" };
        let text = format!(
            "CREATE VIEW {} AS SELECT t.*, coalesce({own}, i.source, 'native') AS _source, i.imported AS _imported \
             FROM record_{} t LEFT JOIN _imports i ON i.version = t._version",
            rows_of(table.name),
            table.name
        );
        cx.sql(&text).await?.collect().await?;
    }
    Ok(())
}

/// What to keep in mind about history that was made from snapshots: a note for every report, or nothing.
pub(crate) fn snapshot_note(record: &Record, version: u64) -> Option<String> {
    let log: Vec<LogEntry> = record.log().into_iter().filter(|e| e.version <= version).collect();
    let marks: Vec<_> = standing(&log).filter_map(|e| e.details.origin.snapshot.as_ref().map(|s| (source_of(e), s))).collect();
    let rows: u64 = marks.iter().map(|(_, s)| s.rows).sum();
    if rows == 0 {
        return None;
    }
    let mut sources: Vec<&str> = marks.iter().filter(|(_, s)| s.rows > 0).map(|(n, _)| *n).collect();
    sources.sort_unstable();
    sources.dedup();
    Some(format!(
        "{rows} changes of {} were made from snapshots (changed_by = '{SNAPSHOT_BY}'): they are dated at the snapshot that shows them first, so times between stages are exact to the time between two snapshots only.",
        sources.join(", ")
    ))
}

/// A text in SQL.
pub(crate) fn text(value: &str) -> String {
    sql::literal(value)
}
