//! What can go wrong in the engine, in sentences for people.

use crate::record::RecordError;
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

/// A failure of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The record could not be read or written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The agreement cannot be applied.
    #[error("{0}")]
    Agreement(String),
    /// A condition of the agreement cannot be evaluated.
    #[error("{clause}: the condition `{when}` cannot be evaluated: {reason}")]
    Condition {
        /// Clause of the agreement.
        clause: String,
        /// The condition.
        when: String,
        /// Why.
        reason: String,
    },
    /// A filter or dimension given on the command line is wrong.
    #[error("{0}")]
    Ask(String),
    /// A metric file is wrong.
    #[error("{file}: {reason}")]
    Metric {
        /// File.
        file: String,
        /// What is wrong and how to mend it.
        reason: String,
    },
    /// A pack query failed.
    #[error("{file}: {reason}")]
    Pack {
        /// SQL file.
        file: String,
        /// Why.
        reason: String,
    },
    /// The query engine failed.
    #[error("{}", short(.0))]
    Query(#[from] DataFusionError),
    /// A file of kept facts cannot be read or written.
    #[error("kept facts: {0}")]
    Kept(#[from] std::io::Error),
    /// Columns do not fit.
    #[error("{0}")]
    Columns(#[from] ArrowError),
}

/// The message of the query engine without its wrapping.
pub fn short(e: &DataFusionError) -> String {
    let text = e.strip_backtrace();
    for prefix in ["Schema error: ", "Error during planning: ", "SQL error: "] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return rest.to_owned();
        }
    }
    text
}
