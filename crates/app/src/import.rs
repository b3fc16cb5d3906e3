//! What an import reports back, and what the ledger keeps of it.

use crate::raw::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a pass over the data stands, for a progress bar.
pub trait Progress: Send + Sync {
    /// A step begins: its name and, if known, its number of rows.
    fn step(&self, name: &str, rows: Option<u64>);
    /// So many more rows are done.
    fn advance(&self, rows: u64);
}

/// Progress that nobody looks at.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _name: &str, _rows: Option<u64>) {}
    fn advance(&self, _rows: u64) {}
}

/// Rows of one table in one import. `read = written + changed + unchanged + rejected + filtered`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TableCount {
    /// Table of the record.
    pub table: String,
    /// Rows read.
    pub read: u64,
    /// Rows with a key that was not there.
    pub written: u64,
    /// Rows that replaced another content under their key.
    pub changed: u64,
    /// Rows that were there already, letter for letter.
    pub unchanged: u64,
    /// Rows that were refused.
    pub rejected: u64,
    /// Rows that were passed over on purpose; [`Filtered`] says why.
    pub filtered: u64,
    /// Of the unchanged rows, those that say what another row of the same import says.
    pub repeated: u64,
    /// Sum of the amounts of the rows that were kept, as exact text by currency; empty stands for none.
    pub money: BTreeMap<String, String>,
}

/// Rows of one raw table that a pack read. `read = used + filtered + rejected + silent`, unless the table was only
/// looked up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceCount {
    /// Name of the raw table.
    pub table: String,
    /// Rows read, unreadable ones included.
    pub read: u64,
    /// Rows that at least one row of the record comes from.
    pub used: u64,
    /// Rows that the pack leaves out and says so.
    pub filtered: u64,
    /// Rows that could not be read.
    pub rejected: u64,
    /// Rows that gave nothing, and the pack does not say why.
    pub silent: u64,
    /// No query says which of its rows it used: the table serves to look things up.
    pub looked_up: bool,
}

/// Rows that were passed over on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filtered {
    /// Table of the record, or raw table of a pack; empty when it cannot be told.
    pub table: String,
    /// What they are, and why they were passed over.
    pub why: String,
    /// How many.
    pub rows: u64,
}

/// A thing that a source cannot give, or what to do about it: a name, often a table or `table.column`, and words.
pub type Remark = (String, String);

/// What is known of the rows of an import before the record sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// Name of the pack, or empty.
    pub pack: String,
    /// Raw tables of the pack.
    pub sources: Vec<SourceCount>,
    /// Rows passed over before they came to a table.
    pub filtered: Vec<Filtered>,
    /// What was noted about the files.
    #[serde(skip)]
    pub notes: Vec<String>,
    /// Rows of raw files that could not be read.
    #[serde(skip)]
    pub unread: Vec<Fault>,
    /// What the source cannot give.
    pub losses: Vec<Remark>,
    /// What to switch on in the source.
    pub hints: Vec<Remark>,
    /// The rows are the state of things at an instant, and history is to be made from it.
    pub snapshot: Option<SnapshotMark>,
}

impl Origin {
    /// Rows that never came to a table: those passed over, and those that could not be read.
    pub fn stopped(&self) -> (u64, u64) {
        let silent: u64 = self.sources.iter().map(|s| s.silent).sum();
        (self.filtered.iter().map(|f| f.rows).sum::<u64>() + silent, self.unread.len() as u64)
    }
}

/// What the ledger keeps of an import beside its counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// Counts by table.
    pub tables: Vec<TableCount>,
    /// What is known of the rows before they came.
    pub origin: Origin,
    /// Rows passed over at the tables.
    pub filtered: Vec<Filtered>,
    /// Notes of the import.
    pub notes: Vec<String>,
    /// File with the refused rows, if there are any.
    pub refused: String,
    /// Refused rows beyond those listed in it.
    pub more_refused: u64,
    /// Of upkeep: the oldest version that is kept.
    pub oldest: u64,
}

/// Fields of which a snapshot makes history. A stage is a column `stage` of the rows that are imported; it is not stored.
pub const SNAPSHOT_FIELDS: [&str; 6] = [
    "people.stage",
    "people.owner_id",
    "opportunities.stage",
    "opportunities.owner_id",
    "opportunities.amount",
    "opportunities.expected_close_on",
];

/// Who changed what a snapshot shows to have changed: the column `changed_by` of such rows.
pub const SNAPSHOT_BY: &str = "snapshot";

/// That an import is a snapshot, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotMark {
    /// Instant of the state, microseconds since the epoch.
    pub at: i64,
    /// Fields whose changes were made from it, such as `opportunities.stage`.
    pub fields: Vec<String>,
    /// Rows of history that were made.
    pub rows: u64,
}

/// Result of an import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportResult {
    /// Record version that holds the result; the old one when nothing changed or on a dry run.
    pub version: u64,
    /// Whether a new version was written.
    pub committed: bool,
    /// Counts by table.
    pub tables: Vec<TableCount>,
    /// Refused rows, at most [`MAX_FAULTS`].
    pub faults: Vec<Fault>,
    /// Refused rows beyond those listed.
    pub more_faults: u64,
    /// Rows passed over at the tables, with the reason.
    pub filtered: Vec<Filtered>,
    /// Name of the source.
    pub source: String,
    /// Raw tables and rows before they came to a table.
    pub origin: Origin,
    /// What the user should know but need not mend.
    pub notes: Vec<String>,
}

/// Refused rows listed one by one; the counts always hold all of them.
pub const MAX_FAULTS: usize = 1_000;

/// One line of the record's log. `read = written + changed + unchanged + rejected + filtered`, where rows that never came
/// to a table are counted as rejected or filtered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogEntry {
    /// Record version, from 1.
    pub version: u64,
    /// Instant of the commit, microseconds since the epoch.
    pub at: i64,
    /// `import` or `undo`.
    pub kind: String,
    /// What was imported or undone.
    pub what: String,
    /// Rows read.
    pub read: u64,
    /// Rows written.
    pub written: u64,
    /// Rows changed.
    pub changed: u64,
    /// Rows unchanged.
    pub unchanged: u64,
    /// Rows rejected.
    pub rejected: u64,
    /// Rows passed over on purpose.
    pub filtered: u64,
    /// Name of the source, such as that of the pack; `native` for files in the layout of the record.
    pub source: String,
    /// The rest.
    pub details: Details,
}
