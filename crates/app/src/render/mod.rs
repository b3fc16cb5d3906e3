//! How reports are shown: to people in a terminal, to machines as CSV and JSON.
//!
//! - [`mod@format`] decides how a cell looks to people; page and terminal both ask it.
//! - [`table`] turns a report into the table people see: headers with units, shown cells, footnotes.
//! - [`text`] draws it for a terminal, [`csv`] and [`json`] write it for machines.
//!
//! Strings in, strings out: nothing here reads, writes or asks the time.

pub mod csv;
pub mod format;
pub mod json;
pub mod table;
pub mod text;

#[cfg(test)]
mod fixture;
