//! What the tests share: small imports from lines of CSV, and the record as plain text.

use std::path::Path;

use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use treaty_app::import::{ImportResult, Silent};
use treaty_app::layout::{self, Table};
use treaty_app::raw::{RawChunk, RawTable, TextColumn};
use treaty_domain::zone::Zone;
use treaty_engine::record::{AT_ONCE, ImportOptions, Incoming, Record, Result};

/// Instant of the `n`th import of a test.
pub fn at(n: i64) -> i64 {
    1_780_000_000_000_000 + n * 3_600_000_000
}

pub fn table(name: &str) -> &'static Table {
    layout::table(name).expect("a table of the layout")
}

/// A file of comma-separated lines, the first of which names the columns. `~` is a missing cell.
pub fn csv(name: &str, lines: &[&str]) -> Incoming {
    csv_file(name, &format!("{name}.csv"), lines)
}

pub fn csv_file(name: &str, file: &str, lines: &[&str]) -> Incoming {
    let mut columns: Vec<TextColumn> = lines[0].split(',').map(TextColumn::new).collect();
    for line in &lines[1..] {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), columns.len(), "{line}");
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.push((cell != "~" && !cell.is_empty()).then_some(cell));
        }
    }
    let lines = (2..).take(lines.len() - 1).collect();
    let raw = RawTable {
        name: name.to_owned(),
        file: file.to_owned(),
        chunks: vec![RawChunk { columns, lines }],
        faults: Vec::new(),
    };
    Incoming::Text {
        table: table(name),
        raw,
    }
}

pub fn stages(stage: &str) -> bool {
    ["lead", "mql", "sal", "won", "lost"].contains(&stage)
}

pub fn options(n: i64) -> ImportOptions<'static> {
    ImportOptions {
        at: at(n),
        what: format!("import {n}"),
        source_name: "test".to_owned(),
        zone: Zone::new("America/New_York").expect("a zone"),
        dry_run: false,
        known_stage: &stages,
        known_stages_help: "it knows lead, mql, sal, won, lost".to_owned(),
        origin: treaty_app::import::Origin::default(),
        at_once: AT_ONCE,
    }
}

pub async fn import(record: &Record, n: i64, source: Vec<Incoming>) -> Result<ImportResult> {
    record.import(source, options(n), &Silent).await
}

/// Imports what must not be refused.
pub async fn land(record: &Record, n: i64, source: Vec<Incoming>) -> ImportResult {
    let result = import(record, n, source).await.expect("an import");
    assert_eq!(result.faults, [], "no faults");
    result
}

/// New, changed, unchanged and rejected rows of an import.
pub fn counts(result: &ImportResult) -> (u64, u64, u64, u64) {
    let sum = |of: fn(&treaty_app::import::TableCount) -> u64| result.tables.iter().map(of).sum();
    for t in &result.tables {
        assert_eq!(
            t.read,
            t.written + t.changed + t.unchanged + t.rejected + t.filtered,
            "{t:?}"
        );
    }
    (
        sum(|t| t.written),
        sum(|t| t.changed),
        sum(|t| t.unchanged),
        sum(|t| t.rejected),
    )
}

/// Columns of a table as lines of text, in stored order.
pub async fn lines(record: &Record, name: &str, version: u64, columns: &[&str]) -> Vec<String> {
    let mut out = Vec::new();
    let format = FormatOptions::default().with_null("~");
    for dictionary in [true, false] {
        out.clear();
        for batch in record
            .read(name, version, columns, dictionary)
            .await
            .expect("rows")
        {
            let columns: Vec<ArrayFormatter<'_>> = batch
                .columns()
                .iter()
                .map(|c| ArrayFormatter::try_new(c, &format).expect("a formatter"))
                .collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<String> = columns.iter().map(|c| c.value(row).to_string()).collect();
                out.push(cells.join(","));
            }
        }
    }
    out
}

/// All tables of the newest version, as sorted text.
pub async fn all(record: &Record) -> Vec<String> {
    let mut out = Vec::new();
    for t in layout::TABLES {
        let mut columns: Vec<&str> = t.columns.iter().map(|c| c.name).collect();
        columns.push(layout::ATTRIBUTES);
        let mut rows = lines(record, t.name, record.version(), &columns).await;
        rows.sort();
        out.extend(rows.into_iter().map(|r| format!("{}: {r}", t.name)));
    }
    out
}

/// Names and contents of the Parquet files of a table.
pub async fn bytes(record: &Record, name: &str) -> Vec<(String, Vec<u8>)> {
    let files = record.files(name, record.version()).await.expect("files");
    files
        .iter()
        .map(|f| {
            let content = std::fs::read(&f.path).expect("a file");
            assert_eq!(content.len() as u64, f.size);
            (file_name(&f.path), content)
        })
        .collect()
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default()
}
