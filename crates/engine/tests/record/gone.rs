//! Rows that are replaced stay in their file and no longer count.

use std::collections::BTreeSet;
use std::path::Path;

use datafusion::arrow::array::{Array, AsArray, UInt32Array};
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};
use datafusion::prelude::SessionContext;
use tempfile::TempDir;
use treaty_engine::record::{Incoming, Numbering, Record};

use super::help::{all, at, bytes, counts, csv, land, lines};

const HEAD: &str = "touchpoint_id,person_id,occurred_at,channel,campaign_id";

/// Touches `from..to` of a few people, all through one channel.
fn touches(rows: impl Iterator<Item = usize>, channel: &str) -> Incoming {
    let line = |i| format!("T{i:04},P{:02},2026-01-{:02}T{:02}:00:00Z,{channel},C{}", i % 40, i % 28 + 1, i % 24, i % 5);
    let mut text = vec![HEAD.to_owned()];
    text.extend(rows.map(line));
    csv("touchpoints", &text.iter().map(String::as_str).collect::<Vec<_>>())
}

/// What the log of a table says.
fn log(home: &Path, table: &str) -> String {
    let folder = home.join("record").join(table).join("_delta_log");
    let mut names: Vec<_> = std::fs::read_dir(folder).expect("a log").map(|e| e.expect("an entry").path()).collect();
    names.retain(|n| n.extension().is_some_and(|e| e == "json"));
    names.sort();
    names.iter().map(|n| std::fs::read_to_string(n).expect("text")).collect()
}

async fn sql(record: &Record, text: &str) -> Vec<String> {
    let cx = SessionContext::new();
    let table = record.provider("touchpoints", record.version()).await.expect("a table");
    cx.register_table("touchpoints", table).expect("registered");
    let batches = cx.sql(text).await.expect("a plan").collect().await.expect("rows");
    let texts = |b: &datafusion::arrow::record_batch::RecordBatch| {
        let column = datafusion::arrow::compute::cast(b.column(0), &datafusion::arrow::datatypes::DataType::Utf8).expect("text");
        column.as_string::<i32>().iter().map(|t| t.unwrap_or("~").to_owned()).collect::<Vec<_>>()
    };
    batches.iter().flat_map(texts).collect()
}

#[tokio::test]
async fn a_small_change_writes_no_file_anew() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, vec![touches(0..1000, "web")]).await;
    let (first, before) = (bytes(&record, "touchpoints").await, all(&record).await);
    assert!(log(dir.path(), "touchpoints").contains(r#""minReaderVersion":1"#));
    let result = land(&record, 2, vec![touches((0..1000).step_by(250).chain([5000]), "email")]).await;
    assert_eq!(counts(&result), (1, 4, 0, 0));
    let files = record.files("touchpoints", 2).await.expect("files");
    assert_eq!(files.iter().map(|f| f.rows).collect::<Vec<_>>(), [996, 5]);
    assert_eq!(bytes(&record, "touchpoints").await[0], first[0], "the file stays");
    let log = log(dir.path(), "touchpoints");
    assert_eq!(log.matches(r#""storageType":"i""#).count(), 1, "{log}");
    assert!(log.contains(r#""minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"]"#), "{log}");
    assert!(log.contains(r#""delta.enableDeletionVectors":"true""#) && log.contains(r#"\"tightBounds\":false"#), "{log}");

    // All readers agree, and number rows alike.
    let again = Record::open(dir.path()).await.expect("a record");
    for record in [&record, &again] {
        let ids = lines(record, "touchpoints", 2, &["touchpoint_id"]).await;
        assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (1001, 1001));
        let rows = [1000, 0, 500, 999, 500, 995, 996];
        let numbering = record.numbering("touchpoints", 2, &Numbering::default()).await.expect("numbers");
        let parts = record.each("touchpoints", 2, &numbering, &["touchpoint_id"], |numbers, batch| (numbers, batch.num_rows()));
        let parts = parts.await.expect("parts");
        assert_eq!(parts.iter().map(|(_, rows)| *rows).collect::<Vec<_>>(), [996, 5]);
        let numbers: Vec<u32> = parts.iter().flat_map(|(numbers, _)| numbers.values().to_vec()).collect();
        assert_eq!((numbers[0], numbers[995], &numbers[996..]), (1, 999, &[1000, 1001, 1002, 1003, 1004][..]), "as they were written");
        let asked = rows.map(|row| numbers[row as usize]);
        let cells = record.cells("touchpoints", 2, &numbering, "touchpoint_id", &asked).await.expect("cells");
        assert_eq!(cells, rows.map(|row| Some(ids[row as usize].clone())));
        let all = UInt32Array::from_iter(numbers.iter().map(|number| Some(*number)).chain([None, Some(numbers[0])]));
        let places = record.places("touchpoints", 2, &numbering, &all).await.expect("places");
        let want = (0..1001).map(Some).chain([None, Some(0)]);
        assert_eq!(places, want.collect::<UInt32Array>());
        let gone = (0..1005).filter(|number| !numbers.contains(number)).collect::<Vec<_>>();
        let nowhere = record.places("touchpoints", 2, &numbering, &UInt32Array::from(gone)).await.expect("places");
        assert_eq!((nowhere.len(), nowhere.null_count()), (4, 4));
        let differ = record.difference("touchpoints", [1, 2], &numbering, 9).await.expect("rows").expect("nine");
        assert_eq!((differ.gone.len(), differ.come), (4, vec![1000, 1001, 1002, 1003, 1004]));
        assert!(differ.gone.iter().all(|row| !numbers.contains(row)));
        assert_eq!(record.difference("touchpoints", [1, 2], &numbering, 8).await.expect("rows"), None, "more than asked");
        let back = record.difference("touchpoints", [2, 1], &numbering, 9).await.expect("rows").expect("nine");
        assert_eq!((back.gone, back.come), (vec![1000, 1001, 1002, 1003, 1004], differ.gone));
        let channels = record.read("touchpoints", 2, &["channel"], true).await.expect("rows");
        let words = |i: usize| channels[i].column(0).as_any_dictionary().values().as_string::<i32>().value(0).to_owned();
        assert_eq!((words(0), words(1)), ("web".to_owned(), "email".to_owned()));
        let sorted: Vec<String> = ids.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(sql(record, "select touchpoint_id from touchpoints order by 1").await, sorted);
        assert_eq!(sql(record, "select count(*) from touchpoints").await, ["1001"]);
        assert_eq!(sql(record, "select touchpoint_id from touchpoints where channel = 'email' order by 1").await, ["T0000", "T0250", "T0500", "T0750", "T5000"]);
        assert_eq!(sql(record, "select count(*) from touchpoints where touchpoint_id = 'T0250' and channel = 'web'").await, ["0"]);
    }
    // The same rows again, in part those of the older file: nothing changes.
    let result = land(&record, 3, vec![touches((0..1000).step_by(250), "email"), touches(1..30, "web")]).await;
    assert_eq!((result.committed, counts(&result)), (false, (0, 0, 33, 0)));
    // A changed row can become what it was, and change again.
    land(&record, 4, vec![touches(250..251, "web")]).await;
    land(&record, 5, vec![touches([250, 251].into_iter(), "email")]).await;
    let rows = |files: Vec<treaty_engine::record::RecordFile>| files.iter().map(|f| f.rows).collect::<Vec<_>>();
    assert_eq!(rows(record.files("touchpoints", 3).await.expect("files")), [996, 1, 4], "a file of five rows is written anew");
    assert_eq!(rows(record.files("touchpoints", 4).await.expect("files")), [995, 4, 2]);

    // Undo brings rows back, one import after the other.
    for undone in [4, 3, 2] {
        record.undo(at(10 - undone)).await.expect("an undo");
        let ids = lines(&record, "touchpoints", record.version(), &["touchpoint_id"]).await;
        assert_eq!(ids.len(), if undone == 2 { 1000 } else { 1001 });
    }
    assert_eq!((all(&record).await, bytes(&record, "touchpoints").await), (before.clone(), first));
    let again = Record::open(dir.path()).await.expect("a record");
    assert_eq!((all(&again).await, sql(&again, "select count(*) from touchpoints").await), (before, vec!["1000".to_owned()]));
    assert_eq!(lines(&again, "touchpoints", 2, &["touchpoint_id"]).await.len(), 1001, "older versions stay");
}

#[tokio::test]
async fn texts_that_no_row_has_any_more_do_not_show() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, vec![touches(0..3, "fax"), touches(3..400, "web")]).await;
    land(&record, 2, vec![touches(0..3, "email")]).await;
    assert_eq!(record.files("touchpoints", 2).await.expect("files")[0].rows, 397);
    for batch in record.read("touchpoints", 2, &["channel"], true).await.expect("rows") {
        let words = batch.column(0).as_any_dictionary().values().as_string::<i32>().clone();
        assert_eq!(words.len(), 1, "{words:?}");
    }
}

#[tokio::test]
async fn a_file_of_which_much_is_replaced_is_written_anew() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, vec![touches(0..1000, "web")]).await;
    land(&record, 2, vec![touches(0..60, "email")]).await;
    land(&record, 3, vec![touches(60..120, "email")]).await;
    let rows = |version| {
        let record = record.clone();
        async move { record.files("touchpoints", version).await.expect("files").iter().map(|f| f.rows).collect::<Vec<_>>() }
    };
    assert_eq!((rows(2).await, rows(3).await), (vec![940, 60], vec![880, 60, 60]));
    let old = lines(&record, "touchpoints", 3, &["touchpoint_id", "channel", "_version"]).await;
    land(&record, 4, vec![touches(120..126, "email")]).await;
    assert_eq!(rows(4).await, [60, 60, 6, 874], "more than an eighth of it was gone");
    let names: Vec<String> = bytes(&record, "touchpoints").await.into_iter().map(|(name, _)| name).collect();
    assert!(names[3].starts_with("v00000004-r00000-"), "{names:?}");
    let mut want: BTreeSet<String> = old.into_iter().filter(|l| !("T0120".."T0126").contains(&&l[..5])).collect();
    want.extend((120..126).map(|i| format!("T{i:04},email,4")));
    let got = lines(&record, "touchpoints", 4, &["touchpoint_id", "channel", "_version"]).await;
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), want);
    // Nothing of a file is left.
    land(&record, 5, vec![touches(120..126, "web")]).await;
    assert_eq!(rows(5).await, [60, 60, 874, 6]);
}

#[tokio::test]
async fn upkeep_leaves_replaced_rows_out() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, vec![touches(0..500, "web")]).await;
    land(&record, 2, vec![touches(0..9, "email")]).await;
    let before = all(&record).await;
    let done = record.maintain(at(3), i64::MIN, false).await.expect("upkeep");
    assert_eq!((done.joined, all(&record).await), (vec![("touchpoints".to_owned(), 2)], before));
    let files = record.files("touchpoints", 3).await.expect("files");
    let file = SerializedFileReader::new(std::fs::File::open(&files[0].path).expect("a file")).expect("Parquet");
    assert_eq!((files.len(), file.metadata().file_metadata().num_rows()), (1, 500));
}

/// The log keeps bounds of keys; those of long keys are cut.
#[tokio::test]
async fn rows_are_found_by_keys_of_any_length() {
    for prefix in ["k".repeat(80), "\u{10FFFF}".repeat(17), "\u{7F}é".repeat(22), String::new()] {
        let dir = TempDir::new().expect("a folder");
        let record = Record::init(dir.path()).await.expect("a record");
        let rows = |range: std::ops::Range<usize>, channel: &str| {
            let line = |i| format!("{prefix}{i:03},P{},2026-01-01T10:00:00Z,{channel},C1", i % 7);
            let text: Vec<String> = std::iter::once(HEAD.to_owned()).chain(range.map(line)).collect();
            csv("touchpoints", &text.iter().map(String::as_str).collect::<Vec<_>>())
        };
        land(&record, 1, vec![rows(0..300, "web")]).await;
        let result = land(&record, 2, vec![rows(0..3, "email"), rows(100..102, "web"), rows(298..303, "email")]).await;
        assert_eq!(counts(&result), (3, 5, 2, 0), "{prefix}");
        assert_eq!(lines(&record, "touchpoints", 2, &["channel"]).await.iter().filter(|c| *c == "email").count(), 8);
    }
}

/// Imports that change a row each, so many that logs are shortened and small files joined.
#[tokio::test]
async fn many_small_changes_leave_every_version_readable() {
    let dir = TempDir::new().expect("a folder");
    let mut record = Record::init(dir.path()).await.expect("a record");
    land(&record, 1, vec![touches(0..600, "web")]).await;
    for n in 2..=70 {
        let result = land(&record, n, vec![touches([n as usize * 3, n as usize].into_iter(), &format!("c{n}"))]).await;
        assert_eq!(counts(&result), (0, 2, 0, 0), "import {n}");
        if n % 9 == 0 {
            record = Record::open(dir.path()).await.expect("a record");
        }
    }
    let record = Record::open(dir.path()).await.expect("a record");
    assert!(record.files("touchpoints", 70).await.expect("files").len() < 30);
    for version in [1, 2, 24, 25, 32, 33, 34, 64, 65, 70] {
        let got = lines(&record, "touchpoints", version, &["touchpoint_id", "channel"]).await;
        assert_eq!(got.len(), 600, "version {version}");
        let mut want: Vec<String> = (0..600_u64).map(|i| {
            let last = (2..=version).rev().find(|n| *n == i || n * 3 == i);
            format!("T{i:04},{}", last.map_or("web".to_owned(), |n| format!("c{n}")))
        }).collect();
        want.sort();
        assert_eq!(got.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>(), want, "version {version}");
    }
    assert_eq!(sql(&record, "select count(distinct touchpoint_id) from touchpoints").await, ["600"]);
}

/// `older` is the record of a home as it was written before files had the hash of the key.
#[tokio::test]
async fn a_record_of_an_older_version_takes_rows() {
    let dir = TempDir::new().expect("a folder");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/record/older");
    super::crash::copy(&from, &dir.path().join("record"));
    let record = Record::open(dir.path()).await.expect("a record");
    let head = "person_id,created_at,title,offer";
    let ids = lines(&record, "people", 1, &["person_id", "title"]).await;
    assert_eq!((ids.len(), ids[7].as_str()), (60, "P07,title 7"));
    assert_eq!(lines(&record, "people", 1, &["_key"]).await[59], "~");
    // What is there is known, and a changed row is found.
    let result = land(&record, 1, vec![csv("people", &[head, "P03,2026-01-04T10:00:00Z,title 3,trial"])]).await;
    assert_eq!(counts(&result), (0, 0, 1, 0));
    let result = land(&record, 2, vec![csv("people", &[head, "P03,2026-01-04T10:00:00Z,new,trial", "P99,2026-01-04T10:00:00Z,~,~"])]).await;
    assert_eq!((result.version, counts(&result)), (2, (1, 1, 0, 0)));
    assert_eq!(record.files("people", 2).await.expect("files").iter().map(|f| f.rows).collect::<Vec<_>>(), [59, 2]);
    // Now files with and without the column stand side by side.
    let result = land(&record, 3, vec![csv("people", &[head, "P03,2026-01-04T10:00:00Z,newer,trial", "P04,2026-01-05T10:00:00Z,new,~"])]).await;
    assert_eq!(counts(&result), (0, 2, 0, 0));
    let before = all(&record).await;
    assert!(before.len() == 61 && before.iter().any(|l| l.contains("P03") && l.contains("newer")));
    record.maintain(at(4), i64::MIN, false).await.expect("upkeep");
    assert_eq!(all(&record).await, before);
    assert!(!lines(&record, "people", 4, &["_key"]).await.contains(&"~".to_owned()), "joined files have it");
    let result = land(&record, 5, vec![csv("people", &[head, "P03,2026-01-04T10:00:00Z,newest,trial", "P04,2026-01-05T10:00:00Z,new,~"])]).await;
    assert_eq!(counts(&result), (0, 1, 1, 0));
    let again = Record::open(dir.path()).await.expect("a record");
    let sql = SessionContext::new();
    for version in [1, 5] {
        let table = again.provider("people", version).await.expect("a table");
        assert!(table.schema().index_of("_key").is_err() && table.schema().index_of("_version").is_ok());
        sql.register_table(format!("people{version}"), table).expect("registered");
    }
    let rows = sql.sql("select person_id, title from people5 except select person_id, title from people1 order by 1").await.expect("a plan");
    let rows = rows.collect().await.expect("rows");
    let text = datafusion::arrow::util::pretty::pretty_format_batches(&rows).expect("text").to_string();
    assert!(text.contains("| P03       | newest |") && text.contains("| P99       |        |") && text.lines().count() == 7, "{text}");
}
