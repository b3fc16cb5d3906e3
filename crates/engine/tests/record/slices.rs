//! Imports that go slice after slice are what they are in one go.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use tempfile::TempDir;
use treaty_app::import::{ImportResult, Silent};
use treaty_engine::record::{Incoming, Record};

use super::help::{all, at, bytes, csv_file, options, table};

/// A row: id, person, day (not all are days), channel, when it was recorded, an attribute.
type Row = (u8, u8, u8, u8, u8, u8);

const HEADER: &str = "touchpoint_id,person_id,occurred_at,channel,recorded_at,offer";

fn line((id, person, day, channel, recorded, offer): &Row) -> String {
    let channel = ["~", "web", "a channel of more than twelve letters"][usize::from(*channel)];
    let recorded = if *recorded == 0 { "~".to_owned() } else { format!("2026-03-{recorded:02}") };
    let offer = if *offer == 0 { "~".to_owned() } else { format!("an offer of more than twelve letters {offer}") };
    let person = if *person == 0 { "~".to_owned() } else { format!("person-{person}") };
    format!("a-touch-with-a-long-name-{id},{person},2026-01-{day:02},{channel},{recorded},{offer}")
}

/// Rows as files of so many rows, each of another kind.
fn files(rows: &[Row], each: usize, dir: &TempDir, import: usize) -> Vec<Incoming> {
    let file = |(n, rows): (usize, &[Row])| {
        let lines: Vec<String> = rows.iter().map(line).collect();
        let name = format!("{import}-{n}.csv");
        let columns = || {
            let column = |(c, name): (usize, &'static str)| {
                let cells = lines.iter().map(|l| l.split(',').nth(c).filter(|cell| *cell != "~"));
                (name, Arc::new(cells.collect::<StringArray>()) as ArrayRef)
            };
            RecordBatch::try_from_iter_with_nullable(HEADER.split(',').enumerate().map(column).map(|(n, c)| (n, c, true))).expect("a batch")
        };
        match n % 3 {
            0 => csv_file("touchpoints", &name, &std::iter::once(HEADER).chain(lines.iter().map(String::as_str)).collect::<Vec<_>>()),
            1 => Incoming::Arrow { table: table("touchpoints"), file: name, batches: vec![columns()] },
            _ => {
                let path = dir.path().join(format!("{name}.parquet"));
                let groups = WriterProperties::builder().set_max_row_group_row_count(Some(2)).build();
                let batch = columns();
                let file = std::fs::File::create(&path).expect("a file");
                let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(groups)).expect("a writer");
                writer.write(&batch).expect("rows");
                writer.close().expect("a file");
                Incoming::Parquet { table: table("touchpoints"), path, display: name }
            }
        }
    };
    rows.chunks(each).enumerate().map(file).collect()
}

async fn land(record: &Record, n: usize, source: Vec<Incoming>, at_once: usize) -> ImportResult {
    let mut how = options(n as i64);
    how.at_once = at_once;
    record.import(source, how, &Silent).await.expect("an import")
}

fn row() -> impl Strategy<Value = Row> {
    (0_u8..12, 0_u8..4, 27_u8..34, 0_u8..3, 0_u8..3, 0_u8..3)
}

async fn check(imports: &[Vec<Row>], each: usize, at_once: usize) -> Result<(), TestCaseError> {
    let dir = TempDir::new().expect("a folder");
    let whole = Record::init(&dir.path().join("whole")).await.expect("a record");
    let sliced = Record::init(&dir.path().join("sliced")).await.expect("a record");
    for (n, rows) in imports.iter().enumerate() {
        let want = land(&whole, n, files(rows, each, &dir, n), usize::MAX).await;
        let got = land(&sliced, n, files(rows, each, &dir, n), at_once).await;
        prop_assert_eq!(got, want, "import {}", n);
        prop_assert_eq!(all(&sliced).await, all(&whole).await);
    }
    if whole.version() > 0 {
        whole.undo(at(99)).await.expect("undone");
        sliced.undo(at(99)).await.expect("undone");
        prop_assert_eq!(all(&sliced).await, all(&whole).await);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn slices_land_what_lands_in_one_go(
        imports in prop::collection::vec(prop::collection::vec(row(), 0..30), 1..4),
        each in 1_usize..8,
        at_once in 1_usize..12,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        runtime.block_on(check(&imports, each, at_once))?;
    }
}

#[tokio::test]
async fn slices_are_files_of_their_own_and_what_comes_again_is_in_the_last() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(&dir.path().join("home")).await.expect("a record");
    // Ids 0 to 8 in three files, and 0 once more with another day and recorded later.
    let mut rows: Vec<Row> = (0..9).map(|id| (id, 1, 5, 1, 1, 0)).collect();
    rows.push((0, 1, 6, 1, 2, 0));
    let result = land(&record, 1, files(&rows, 3, &dir, 0), 3).await;
    assert_eq!((result.tables[0].written, result.tables[0].rejected), (9, 1));
    assert_eq!((result.faults[0].file.as_str(), result.faults[0].line), ("0-0.csv", 2));
    assert!(result.faults[0].reason.contains("kept is 0-3.csv:2"), "{}", result.faults[0].reason);
    let names: Vec<String> = bytes(&record, "touchpoints").await.into_iter().map(|(name, _)| name[..15].to_owned()).collect();
    assert_eq!(names, ["v00000001-00000", "v00000001-00001", "v00000001-00002", "v00000001-00003"]);
    let again = land(&record, 2, files(&rows[1..9], 2, &dir, 1), 2).await;
    assert_eq!((again.committed, again.tables[0].unchanged), (false, 8));
}

#[tokio::test]
async fn a_slice_that_cannot_be_read_leaves_nothing_behind() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(&dir.path().join("home")).await.expect("a record");
    let rows: Vec<Row> = (0..9).map(|id| (id, 1, 5, 1, 1, 0)).collect();
    let source = files(&rows, 3, &dir, 0);
    // The last file is a Parquet file; its channels are broken, which is seen when two slices are written.
    let path = dir.path().join("0-2.csv.parquet");
    let reader = SerializedFileReader::new(std::fs::File::open(&path).expect("a file")).expect("Parquet");
    let (from, length) = reader.metadata().row_group(1).column(3).byte_range();
    let mut content = std::fs::read(&path).expect("a file");
    content[from as usize..(from + length) as usize].fill(0xff);
    std::fs::write(&path, content).expect("written");
    let mut how = options(1);
    how.at_once = 3;
    let error = record.import(source, how, &Silent).await.expect_err("a broken file");
    assert!(error.to_string().contains("0-2.csv"), "{error}");
    assert_eq!(record.version(), 0);
    let left = std::fs::read_dir(dir.path().join("home/record/touchpoints"));
    let parquet = left.into_iter().flatten().flatten().filter(|e| e.file_name().to_string_lossy().ends_with(".parquet"));
    assert_eq!(parquet.count(), 0, "files of slices that were written before");
}
