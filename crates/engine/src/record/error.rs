//! What can go wrong with the record, in sentences that say what to do.

use std::path::PathBuf;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use deltalake::DeltaTableError;
use deltalake::kernel::transaction::TransactionError;

/// A fault of the record itself. Rows that are refused are no error: an import reports them.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no record in this directory.
    #[error("{} is not a Treaty home; run `treaty init {}`, or name another home with -C", home.display(), home.display())]
    NotAHome {
        /// The directory.
        home: PathBuf,
    },
    /// Somebody else writes.
    #[error("another process is importing into {}; wait until it is done and try again", home.display())]
    Busy {
        /// The home.
        home: PathBuf,
    },
    /// Somebody else writes, from another machine perhaps.
    #[error("{who} is importing into {place} since {since}; wait until it is done and try again")]
    Taken {
        /// The record.
        place: String,
        /// Who.
        who: String,
        /// Since when.
        since: String,
    },
    /// Somebody else wrote in between.
    #[error("another import into {place} happened meanwhile; nothing of this one is in the record. Run it again")]
    Overtaken {
        /// The record.
        place: String,
    },
    /// Neither the commit nor a look at it afterwards was answered.
    #[error("whether this is in the record is not known, because its storage stopped to answer: {reason}. When it answers again, `treaty log` tells; if it is not there, run it again")]
    Unsure {
        /// What went wrong.
        reason: String,
    },
    /// There is no record in this place.
    #[error("there is no record at {place}; `treaty init DIR --record {place}` begins one. If there should be one, mend `at` under [record] in treaty.toml")]
    NoRecord {
        /// The place.
        place: String,
    },
    /// An object store does not do what it is asked.
    #[error("the record at {place} cannot be reached: {reason}")]
    Unreachable {
        /// The place.
        place: String,
        /// What it says.
        reason: String,
    },
    /// An object store that overwrites what it should not.
    #[error("the store of {place} does not keep the conditions If-None-Match and If-Match of a PUT, so imports of two machines could overwrite each other; update it, or use one that keeps them, such as Amazon S3")]
    Careless {
        /// The place.
        place: String,
    },
    /// No such table.
    #[error("the record has no table `{table}`; its tables are {known}")]
    UnknownTable {
        /// What was asked for.
        table: String,
        /// What there is.
        known: String,
    },
    /// No such column.
    #[error("table `{table}` of the record has no column `{column}`; its columns are {known}")]
    UnknownColumn {
        /// The table.
        table: String,
        /// What was asked for.
        column: String,
        /// What there is.
        known: String,
    },
    /// No such version.
    #[error("the record has no version {version}; its newest is {newest} (see `treaty log`)")]
    UnknownVersion {
        /// What was asked for.
        version: u64,
        /// The newest there is.
        newest: u64,
    },
    /// A version that upkeep has forgotten.
    #[error("version {version} of the record was cleaned up by `treaty maintain`; the oldest that is left is {oldest}. For an earlier day, --as-corrected shows what is known of it now")]
    Forgotten {
        /// What was asked for.
        version: u64,
        /// The oldest there is.
        oldest: u64,
    },
    /// Every import is undone already.
    #[error(
        "there is nothing to undo: no import is left in the record. An undo cannot be undone; import the files again to bring their rows back"
    )]
    NothingToUndo,
    /// A file of the user cannot be read.
    #[error(
        "cannot read {file}: {reason}. Nothing was imported; mend or leave out the file and import again"
    )]
    Source {
        /// The file as the user named it.
        file: String,
        /// What went wrong.
        reason: String,
    },
    /// Writing failed; nothing changed.
    #[error(
        "{doing} failed: {reason}. The record is as it was before, version {version}; free some space or mend the storage and import again"
    )]
    Write {
        /// What was being done.
        doing: String,
        /// What went wrong.
        reason: String,
        /// The version that still holds.
        version: u64,
    },
    /// Reading failed.
    #[error("{doing} failed: {reason}. Check that the record's files are all there and readable")]
    Read {
        /// What was being done.
        doing: String,
        /// What went wrong.
        reason: String,
    },
    /// A table too large for one pass.
    #[error(
        "{table}: {rows} rows in one import are too many; split the files and import them one after another"
    )]
    TooLarge {
        /// The table.
        table: String,
        /// Its rows.
        rows: u64,
    },
}

/// Result of the record's functions.
pub type Result<T, E = RecordError> = std::result::Result<T, E>;

impl RecordError {
    /// A failure while reading.
    pub(crate) fn read(doing: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Read {
            doing: doing.into(),
            reason: reason.to_string(),
        }
    }

    /// The same failure, of a file that is read for an import.
    pub(crate) fn of_source(self, file: &str) -> Self {
        match self {
            Self::Read { reason, .. } => Self::Source { file: file.to_owned(), reason },
            other => other,
        }
    }

    /// The same failure, seen by a writer: nothing changed, and `version` still holds.
    pub(crate) fn into_write(self, version: u64) -> Self {
        match self {
            Self::Read { doing, reason } => Self::Write {
                doing,
                reason,
                version,
            },
            other => other,
        }
    }
}

impl From<ArrowError> for RecordError {
    fn from(error: ArrowError) -> Self {
        Self::read("working on the rows", error)
    }
}

impl From<ParquetError> for RecordError {
    fn from(error: ParquetError) -> Self {
        Self::read("reading or writing a Parquet file", error)
    }
}

/// Whether a commit failed because another one was there before it.
pub(crate) fn is_conflict(error: &DeltaTableError) -> bool {
    use TransactionError::{CommitConflict, MaxCommitAttempts, VersionAlreadyExists};
    match error {
        DeltaTableError::VersionAlreadyExists(_) => true,
        DeltaTableError::Transaction { source } => matches!(source, VersionAlreadyExists(_) | MaxCommitAttempts(_) | CommitConflict(_)),
        _ => false,
    }
}

impl From<DeltaTableError> for RecordError {
    fn from(error: DeltaTableError) -> Self {
        Self::read("reading or writing the record's log", error)
    }
}

impl From<DataFusionError> for RecordError {
    fn from(error: DataFusionError) -> Self {
        Self::read("preparing a table for SQL", error)
    }
}
