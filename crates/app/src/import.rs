//! What an import reports back.

use crate::raw::Fault;

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

/// Rows of one table in one import. `read = written + changed + unchanged + rejected`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// What the user should know but need not mend.
    pub notes: Vec<String>,
}

/// Refused rows listed one by one; the counts always hold all of them.
pub const MAX_FAULTS: usize = 1_000;

/// One line of the record's log.
#[derive(Debug, Clone, PartialEq, Eq)]
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
}
