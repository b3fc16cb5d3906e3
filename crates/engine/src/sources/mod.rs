//! Sources that are not text files: databases, Parquet and Delta, object stores.
//!
//! All of them give [`RawTable`](treaty_app::raw::RawTable)s, where every cell is text as a person would write it: times as
//! `2026-03-01T09:30:00`, with `Z` where the source knows the instant; lists and structures as
//! JSON; what holds nothing is missing. The line of a row is its number in the source. A database
//! is read in one transaction. Passwords are kept out of everything that is shown or stored.

mod address;
mod database;
mod files;
mod mysql;
mod objects;
mod postgres;
mod sqlite;
mod text;

pub use address::{Address, shown};
pub use database::Database;
pub use files::{delta_batches, delta_columns, parquet_columns, read_delta, read_parquet};
pub use objects::{Fetched, fetch};
pub(crate) use objects::{store, told};

use treaty_app::raw::Fault;

/// A fault of a source as a whole.
fn fault(shown: &str, reason: impl Into<String>) -> Fault {
    Fault {
        file: shown.to_owned(),
        line: 0,
        column: None,
        reason: reason.into(),
    }
}

/// An error and what caused it in one line, without advice to read manuals and without a secret.
fn sentence(error: &(dyn std::error::Error + 'static), secret: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        for line in error.to_string().lines() {
            let line = line.trim().trim_end_matches('.');
            let advice = line.is_empty()
                || line.contains("https://")
                || line.starts_with("Report a bug")
                || line.starts_with("Adjust the connection pool");
            if !advice && !parts.iter().any(|p| p.contains(line)) {
                parts.push(line.to_owned());
            }
        }
        next = error.source();
    }
    let text = parts.join(": ");
    if secret.is_empty() {
        text
    } else {
        text.replace(secret, "***")
    }
}
