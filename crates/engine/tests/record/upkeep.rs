//! Upkeep: small files become one, old versions are forgotten, leftovers are deleted, and the record stays as it is.

use tempfile::TempDir;
use treaty_engine::record::{Record, RecordError};

use super::help::{all, at, csv, land, lines};

async fn grown(record: &Record, imports: i64) {
    for n in 1..=imports {
        let touch = format!("T{n},P{},2026-01-{:02}T10:00:00Z,email", n % 3, n % 28 + 1);
        let person = format!("P{},2026-01-01,title {n}", n % 3);
        let files = vec![
            csv("people", &["person_id,created_at,title", &person]),
            csv("touchpoints", &["touchpoint_id,person_id,occurred_at,channel", &touch]),
        ];
        land(record, n, files).await;
    }
}

#[tokio::test]
async fn small_files_become_one_and_nothing_else_changes() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    grown(&record, 5).await;
    let (before, older) = (all(&record).await, lines(&record, "people", 2, &["person_id", "title"]).await);
    let told = record.maintain(at(6), i64::MIN, true).await.expect("a dry run");
    assert_eq!((told.version, record.version()), (5, 5));
    assert_eq!(told.joined, [("people".to_owned(), 3), ("touchpoints".to_owned(), 5)]);
    let done = record.maintain(at(6), i64::MIN, false).await.expect("upkeep");
    assert_eq!((done.version, done.oldest, done.deleted), (6, 0, 0));
    assert_eq!(all(&record).await, before);
    assert_eq!(record.files("touchpoints", 6).await.expect("files").len(), 1);
    // Touches of one person lie together now.
    let order = lines(&record, "touchpoints", 6, &["person_id"]).await;
    assert_eq!(order, ["P0", "P1", "P1", "P2", "P2"]);
    assert_eq!(lines(&record, "people", 2, &["person_id", "title"]).await, older, "older versions stay");
    let again = record.maintain(at(7), i64::MIN, false).await.expect("upkeep");
    assert_eq!((again.version, again.joined.len()), (6, 0), "nothing to do");
    // The newest import can still be taken back, and not the upkeep itself.
    assert_eq!(record.undo(at(8)).await.expect("an undo"), (5, 7));
    assert_eq!(lines(&record, "touchpoints", 7, &["touchpoint_id"]).await.len(), 4);
}

#[tokio::test]
async fn old_versions_are_forgotten_with_their_files() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    grown(&record, 5).await;
    // An import that died: a file that no version names.
    let orphan = dir.path().join("record/people/v00000099-00000-dead.parquet");
    std::fs::write(&orphan, b"half a file").expect("a file");
    let before = all(&record).await;
    let told = record.maintain(at(9), at(5), true).await.expect("a dry run");
    assert!(orphan.exists() && told.deleted > 0);
    let done = record.maintain(at(9), at(5), false).await.expect("upkeep");
    assert_eq!((done.version, done.oldest), (6, 4), "what was known at the fifth import is version 4");
    assert!(!orphan.exists());
    assert_eq!(done.deleted, 2, "the leftover, and the first person as it was before it changed: {done:?}");
    assert_eq!(all(&record).await, before);
    assert_eq!(lines(&record, "people", 4, &["person_id"]).await.len(), 3);
    let error = record.read("people", 3, &["person_id"], false).await.expect_err("it is gone");
    assert!(matches!(error, RecordError::Forgotten { version: 3, oldest: 4 }), "{error}");
    let reopened = Record::open(dir.path()).await.expect("a record");
    assert_eq!((reopened.oldest(), all(&reopened).await), (4, before));
    assert_eq!(reopened.undo(at(10)).await.expect("an undo").0, 5);
    let error = reopened.undo(at(11)).await.expect_err("its state before is gone");
    assert!(error.to_string().contains("treaty maintain"), "{error}");
}

#[tokio::test]
async fn many_small_imports_join_their_files_by_themselves() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    grown(&record, 60).await;
    let files = record.files("touchpoints", 60).await.expect("files").len();
    assert!(files <= 26, "{files} files");
    assert_eq!(lines(&record, "touchpoints", 60, &["touchpoint_id"]).await.len(), 60);
    assert_eq!(lines(&record, "touchpoints", 30, &["touchpoint_id"]).await.len(), 30);
}
