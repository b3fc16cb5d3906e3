//! Readers and mapping packs: from files as people have them to rows of text with their place.
//!
//! - [`mod@scan`] finds the files behind the paths that a user names and tells by their content what they are.
//! - [`csv_file`], [`json_file`] and the reader of workbooks make [`RawTable`]s of them; Parquet and Delta are read by
//!   the engine.
//! - [`pack`] loads a mapping pack and finds the files that it reads.
//! - [`tap`] runs a Singer tap or an Airbyte source and keeps its rows as files.
//! - [`events`] reads what is posted, [`journal`] keeps it until it is in the record.
//! - [`identity`] tells who is who: one person from several systems, accounts by domain, likely fakes.
//! - [`messy`] reads the dates, amounts and flags of real exports; the engine offers it to the SQL of packs.
//! - [`names`] suggests what a misspelt name may have meant.
//!
//! Architecture invariant: this crate never names the engine's libraries; it hands over text.
//! Architecture invariant: nothing is dropped in silence. A row that cannot be read is a [`Fault`] with its line,
//! and what was passed over on purpose is a note.

mod bytes;
pub mod csv_file;
mod dialect;
pub mod events;
mod header;
pub mod identity;
pub mod journal;
pub mod json_file;
pub mod messy;
pub mod names;
pub mod pack;
mod pattern;
pub mod scan;
mod sniff;
pub mod tap;
mod text;
mod workbook;

pub use bytes::Member;
pub use scan::{ByLayout, Format, Found, ScanError, SourceFile, UnknownFile, by_layout, find, is_sqlite, scan};

use std::path::Path;
use treaty_app::import::Progress;
use treaty_app::raw::{Fault, RawTable};

/// What came out of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The rows, and the faults of those that could not be read.
    pub table: RawTable,
    /// What the user should know but need not mend, such as an old encoding.
    pub notes: Vec<String>,
}

/// Most columns a file may have: more means that ids or dates were used as headers.
pub const MAX_COLUMNS: usize = 10_000;

/// Most faulty rows of one file: more means that the file as a whole is read wrongly.
pub const MAX_FAULTY_ROWS: usize = 100_000;

/// Rows of one chunk.
pub const CHUNK_ROWS: usize = 65_536;

/// Bytes of cells at which a chunk ends before it has all its rows.
pub const CHUNK_BYTES: usize = 32 * 1024 * 1024;

/// Reads a file of rows by its format. Parquet and Delta are refused: the engine reads them.
pub fn read(source: &SourceFile, progress: &dyn Progress) -> Result<Reading, Fault> {
    let mut reading = match source.format {
        Format::Csv => csv_file::read(&source.bytes(), &source.display, progress)?,
        Format::Json | Format::JsonLines => json_file::read(&source.bytes(), &source.display, progress)?,
        Format::Workbook => {
            workbook::read(&source.bytes(), source.sheet.as_deref().unwrap_or_default(), &source.display, progress)?
        }
        Format::Parquet | Format::Delta | Format::Table => return Err(file_fault(&source.display, "is no text; the engine reads it")),
    };
    reading.table.name = source.table.clone();
    Ok(reading)
}

/// A fault of a file as a whole.
pub(crate) fn file_fault(display: &str, reason: impl Into<String>) -> Fault {
    Fault { file: display.to_owned(), line: 0, column: None, reason: reason.into() }
}

/// An error of the operating system in words for people.
pub(crate) fn io_fault(display: &str, error: &std::io::Error) -> Fault {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "cannot be read: this user has no permission; change its rights or name another file".to_owned(),
        std::io::ErrorKind::UnexpectedEof => "ends in the middle; it was cut short on its way, so copy or export it again".to_owned(),
        std::io::ErrorKind::IsADirectory => "is a folder, but a file is needed here".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    file_fault(display, reason)
}

/// Table name of a path: a table of the layout if its name says so, else the lower-cased stem.
pub(crate) fn table_of(path: &Path) -> String {
    let stem = stem_of(path);
    names::layout_table(&stem).map_or_else(|| stem.to_lowercase(), str::to_owned)
}

/// The name of a file without its ending, also without `.gz` or `.zst` behind it.
pub(crate) fn stem_of(path: &Path) -> String {
    let packed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz") || e.eq_ignore_ascii_case("zst"));
    let name = if packed { path.file_stem() } else { path.file_name() };
    let stem = name.and_then(|name| Path::new(name).file_stem());
    stem.map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}
