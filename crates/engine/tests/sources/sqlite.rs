//! An SQLite file.

use crate::{open, read, rows};
use datafusion_table_providers_common::sql::db_connection_pool::{JoinPushDown, Mode};
use datafusion_table_providers_sqlite::conn::SqliteConnection;
use datafusion_table_providers_sqlite::pool::SqliteConnectionPool;
use std::path::Path;
use std::time::Duration;

const SCHEMA: &str = r#"
CREATE TABLE people (person_id TEXT, "from" TEXT, created_at TEXT, paid REAL, ok BOOLEAN, anything);
INSERT INTO people VALUES ('P1', 'a@b.example', '2026-03-01 09:30:00', 1234.5, 1, x'00ff'), (NULL, '', NULL, NULL, NULL, NULL), (3, 'ü', 1772357400, 7, 0, 0.1);
CREATE VIEW paying AS SELECT person_id FROM people WHERE paid > 0;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)
INSERT INTO many SELECT i FROM n;
"#;

async fn make(path: &Path) {
    let pool = SqliteConnectionPool::new(path.to_str().unwrap(), Mode::File, JoinPushDown::Disallow, Vec::new(), Duration::from_secs(1)).await.unwrap();
    let connection = pool.connect_sync();
    let connection = connection.as_any().downcast_ref::<SqliteConnection>().unwrap();
    connection.conn.call(|c| c.execute_batch(&format!("CREATE TABLE many (id INTEGER);{SCHEMA}"))).await.unwrap();
}

#[tokio::test]
async fn tables_come_as_text_and_the_file_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a crm #1.db");
    make(&path).await;
    let before = std::fs::read(&path).unwrap();
    let mut database = open(&format!("sqlite:{}", path.display())).await.unwrap();
    let names: Vec<String> = database.offers().iter().map(|o| o.name.clone()).collect();
    assert_eq!(names, ["many", "paying", "people"]);
    let tables = read(&mut database, &["people", "many", "paying"]).await;
    assert_eq!(
        rows(&tables[0]),
        ["1: P1 | a@b.example | 2026-03-01 09:30:00 | 1234.5 | 1 | 00ff", "2: - | - | - | - | - | -", "3: 3 | ü | 1772357400 | 7.0 | 0 | 0.1"]
    );
    assert_eq!((tables[1].rows(), rows(&tables[2])), (25_000, vec!["1: P1".to_owned(), "2: 3".to_owned()]));
    database.close().await;
    assert!(before == std::fs::read(&path).unwrap(), "the file was changed");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was put beside it");
}

#[tokio::test]
async fn a_file_that_is_none_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.db");
    let fault = open(&format!("sqlite:{}", path.display())).await.err().unwrap();
    assert!(fault.reason.contains("no such file"), "{fault}");
    assert!(!path.exists(), "it was not created");
    std::fs::write(&path, b"SQLite format 3\0 and then nothing of use").unwrap();
    let fault = open(&format!("sqlite:{}", path.display())).await.err().unwrap();
    assert!(fault.reason.contains("not a database"), "{fault}");
}
