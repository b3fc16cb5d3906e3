//! Versions: undo, time travel, locks.

use tempfile::TempDir;
use treaty_engine::record::{Record, RecordError};

use super::help::{all, at, csv, import, land, lines};

#[tokio::test]
async fn undo_takes_back_one_import_after_the_other() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let mut states = vec![all(&record).await];
    land(
        &record,
        1,
        vec![csv(
            "people",
            &["person_id,created_at,a", "P1,2026-01-01,x"],
        )],
    )
    .await;
    states.push(all(&record).await);
    land(
        &record,
        2,
        vec![
            csv(
                "people",
                &[
                    "person_id,created_at,b",
                    "P1,2026-01-02,y",
                    "P2,2026-01-01,~",
                ],
            ),
            csv("accounts", &["account_id", "A1"]),
        ],
    )
    .await;
    states.push(all(&record).await);
    assert_eq!(record.undo(at(3)).await.expect("an undo"), (2, 3));
    assert_eq!(all(&record).await, states[1]);
    assert_eq!(record.attribute_keys("people", 3).expect("names"), ["a"]);
    land(&record, 4, vec![csv("accounts", &["account_id", "A2"])]).await;
    assert_eq!(record.undo(at(5)).await.expect("an undo"), (4, 5));
    assert_eq!(record.undo(at(6)).await.expect("an undo"), (1, 6));
    assert_eq!(all(&record).await, states[0]);
    let error = record.undo(at(7)).await.expect_err("nothing to undo");
    assert!(error.to_string().contains("nothing to undo"), "{error}");
    let log = record.log();
    let kinds: Vec<&str> = log.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(
        kinds,
        ["import", "import", "undo", "import", "undo", "undo"]
    );
    assert_eq!(log[2].what, "version 2: import 2");
    // What was undone can be imported again.
    land(
        &record,
        8,
        vec![csv(
            "people",
            &["person_id,created_at,a", "P1,2026-01-01,x"],
        )],
    )
    .await;
    assert_eq!(all(&record).await, states[1]);
    let again = Record::open(dir.path()).await.expect("a record");
    assert_eq!((again.version(), again.log()), (7, record.log()));
    assert_eq!(all(&again).await, states[1]);
}

#[tokio::test]
async fn every_version_stays_readable() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    for n in 1..=40 {
        land(
            &record,
            n,
            vec![csv(
                "accounts",
                &["account_id,name", &format!("A{},v{n}", n % 3)],
            )],
        )
        .await;
    }
    let again = Record::open(dir.path()).await.expect("a record");
    assert_eq!(again.version(), 40);
    for n in [1, 2, 17, 33, 40] {
        let mut got = lines(&again, "accounts", n, &["account_id", "name"]).await;
        got.sort();
        let mut want: Vec<String> = (n.saturating_sub(2).max(1)..=n)
            .map(|v| format!("A{},v{v}", v % 3))
            .collect();
        want.sort();
        assert_eq!(got, want, "version {n}");
    }
    assert_eq!(again.version_at(at(1)), 0);
    assert_eq!(again.version_at(at(1) + 1), 1);
    assert_eq!(again.version_at(at(17)), 16);
    assert_eq!(again.version_at(i64::MAX), 40);
}

#[tokio::test]
async fn a_second_writer_is_refused() {
    let dir = TempDir::new().expect("a folder");
    let record = Record::init(dir.path()).await.expect("a record");
    let lock = std::fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.path().join("record/.lock"))
        .expect("a file");
    lock.lock().expect("the lock");
    for error in [
        import(&record, 1, vec![csv("accounts", &["account_id", "A1"])])
            .await
            .expect_err("busy"),
        record.undo(at(2)).await.expect_err("busy"),
    ] {
        assert!(matches!(error, RecordError::Busy { .. }));
        assert!(
            error
                .to_string()
                .contains("another process is importing into"),
            "{error}"
        );
    }
    lock.unlock().expect("unlocked");
    land(&record, 3, vec![csv("accounts", &["account_id", "A1"])]).await;
}

#[tokio::test]
async fn a_folder_without_a_record_is_named() {
    let dir = TempDir::new().expect("a folder");
    let error = Record::open(dir.path()).await.expect_err("no home");
    assert!(matches!(error, RecordError::NotAHome { .. }));
    assert!(error.to_string().contains("treaty init"), "{error}");
    Record::init(dir.path()).await.expect("a record");
    Record::init(dir.path()).await.expect("the same record");
}

#[tokio::test]
async fn two_handles_of_one_record_see_each_other() {
    let dir = TempDir::new().expect("a folder");
    let one = Record::init(dir.path()).await.expect("a record");
    let two = Record::open(dir.path()).await.expect("a record");
    land(&one, 1, vec![csv("accounts", &["account_id", "A1"])]).await;
    assert_eq!(two.version(), 0);
    let result = land(&two, 2, vec![csv("accounts", &["account_id,name", "A1,x"])]).await;
    assert_eq!((result.version, two.version()), (2, 2));
    one.refresh().await.expect("a look");
    assert_eq!(all(&one).await, all(&two).await);
}
