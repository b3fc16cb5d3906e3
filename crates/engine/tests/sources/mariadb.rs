//! A real MariaDB.

use crate::{open, read, rows, servers};

const SCHEMA: &str = r#"
CREATE DATABASE crm CHARACTER SET utf8mb4;
CREATE USER reader@'127.0.0.1' IDENTIFIED BY 's3cret/@%';
SET sql_mode = '';
USE crm;
CREATE TABLE people (
    person_id VARCHAR(36), `from` TEXT, created_at TIMESTAMP NULL, seen DATETIME(3), born DATE, paid DECIMAL(12,2), score DOUBLE,
    ok TINYINT(1), flag BIT(1), mood ENUM('sad','ok'), tags SET('a','b'), extra JSON, story LONGTEXT, uid BINARY(4), picture BLOB,
    year_of YEAR, wait TIME, big BIGINT UNSIGNED);
INSERT INTO people VALUES
    ('P1', 'a@b.example', '2026-03-01 09:30:00', '2026-03-01 09:30:00.250', '1990-02-28', 1234.50, 0.1, 1, b'1', 'ok', 'a,b', '{"x": [1, 2]}',
     REPEAT('ü', 100000), 0x00ff00ff, 0x0102, 2026, '02:03:04', 18446744073709551615),
    ('P2', '', NULL, '0000-00-00 00:00:00', '0000-00-00', NULL, NULL, NULL, NULL, NULL, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE old (a INT) ENGINE = MyISAM;
INSERT INTO old VALUES (1);
CREATE TABLE many (id INT PRIMARY KEY, name VARCHAR(20));
INSERT INTO many SELECT seq, CONCAT('n', seq) FROM seq_1_to_70000;
CREATE VIEW grown AS SELECT person_id FROM people WHERE born > 0;
CREATE TABLE hidden (a INT);
GRANT SELECT ON crm.people TO reader@'127.0.0.1'; GRANT SELECT ON crm.old TO reader@'127.0.0.1';
GRANT SELECT ON crm.many TO reader@'127.0.0.1'; GRANT SELECT ON crm.grown TO reader@'127.0.0.1';
"#;

#[tokio::test(flavor = "multi_thread")]
async fn tables_come_as_text_of_one_moment_and_without_the_password() {
    let Some(server) = servers::mariadb() else { return };
    server.mariadb(SCHEMA);
    let base = format!("mysql://reader:s3cret%2F%40%25@127.0.0.1:{}/crm", server.port);
    let mut database = open(&base).await.unwrap();
    let names: Vec<String> = database.offers().iter().map(|o| o.name.clone()).collect();
    assert_eq!(names, ["grown", "many", "old", "people"]);
    server.mariadb("INSERT INTO crm.people (person_id) VALUES ('late'); INSERT INTO crm.many VALUES (0, 'late')");
    let tables = read(&mut database, &["people", "many", "old", "grown"]).await;
    let people = rows(&tables[0]);
    let story = "ü".repeat(100_000);
    assert_eq!(people.len(), 2, "{}", people.len());
    assert_eq!(
        people[0].replace(&story, "STORY"),
        "1: P1 | a@b.example | 2026-03-01T14:30:00.000000Z | 2026-03-01T09:30:00.250000 | 1990-02-28 | 1234.50 | 0.1 | 1 | 1 | ok | a,b | \
         {\"x\": [1, 2]} | STORY | 00ff00ff | 2 bytes | 2026 | 02:03:04 | 18446744073709551615"
    );
    assert_eq!(people[1], "2: P2 | - | - | - | - | - | - | - | - | - | - | - | - | - | - | - | - | -");
    assert_eq!((tables[1].rows(), rows(&tables[2]), rows(&tables[3])), (70_000, vec!["1: 1".to_owned()], vec!["1: P1".to_owned()]));
    let notes = database.notes().join("\n");
    assert!(notes.contains("#old: is stored by an engine without transactions"), "{notes}");
    database.close().await;
    for (text, words) in [
        (base.replace("s3cret", "wr0ng"), "password"),
        (base.replace("/crm", "/nothing"), "nothing"),
    ] {
        let fault = open(&text).await.err().unwrap().to_string();
        assert!(fault.to_lowercase().contains(words) && !fault.contains("s3cret") && !fault.contains("wr0ng"), "{words}: {fault}");
    }
}
