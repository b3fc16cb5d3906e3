//! Tests of the readers and packs on files, in one binary.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod csv;
mod encoding;
mod events;
mod identity;
mod json;
mod messy;
mod offers;
mod pack;
mod packed;
mod real;
mod round_trip;
mod scan;
mod tap;
mod tap_random;
mod workbook;
mod xlsb;

use std::path::{Path, PathBuf};
use tempfile::TempDir;
use treaty_app::import::Silent;
use treaty_app::raw::{Fault, RawTable};
use treaty_intake::{Reading, csv_file, json_file};

/// Writes a file into a new folder.
fn file(name: &str, content: impl AsRef<[u8]>) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), name, content);
    (dir, path)
}

/// Writes a file into a folder.
fn put(dir: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

/// Reads text as a CSV file.
fn csv_reading(content: impl AsRef<[u8]>) -> Result<Reading, Fault> {
    let (_dir, path) = file("people.csv", content);
    csv_file::read_csv_with_notes(&path, "people.csv", &Silent)
}

/// Reads text as a JSON file.
fn json_reading(content: impl AsRef<[u8]>) -> Result<Reading, Fault> {
    let (_dir, path) = file("people.json", content);
    json_file::read_json_with_notes(&path, "people.json", &Silent)
}

/// Column names.
fn headers(table: &RawTable) -> Vec<&str> {
    table.chunks[0].columns.iter().map(|c| c.name.as_str()).collect()
}

/// Rows as text, a missing cell as `-`, in one line a row: `line: a | b`.
fn rows(table: &RawTable) -> Vec<String> {
    let mut rows = Vec::new();
    for chunk in &table.chunks {
        for (i, line) in chunk.lines.iter().enumerate() {
            let cells: Vec<&str> = chunk.columns.iter().map(|c| c.get(i).unwrap_or("-")).collect();
            rows.push(format!("{line}: {}", cells.join(" | ")));
        }
    }
    rows
}

/// Faults as a person sees them.
fn faults(table: &RawTable) -> Vec<String> {
    table.faults.iter().map(ToString::to_string).collect()
}
