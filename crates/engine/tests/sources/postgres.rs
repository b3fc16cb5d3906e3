//! A real PostgreSQL.

use crate::{open, read, rows, servers};

const SCHEMA: &str = r#"
CREATE ROLE reader LOGIN PASSWORD 's3cret/@%';
CREATE SCHEMA sales;
CREATE TYPE sales.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN sales.mail AS text;
CREATE TYPE sales.place AS (city text, zip int);
CREATE TABLE sales.people (
    person_id text, "From" sales.mail, created_at timestamptz, seen timestamp, born date, paid numeric(12,2), score float8,
    ok boolean, tags text[], extra jsonb, mood sales.mood, uid uuid, raw bytea, wait interval, fee money, home sales.place);
INSERT INTO sales.people VALUES
    ('P1', 'a@b.example', '2026-03-01 09:30:00.25-05', '2026-03-01 09:30:00', '1990-02-28', 1234.50, 0.1, true, '{a,"b c"}', '{"x": [1, 2]}',
     'ok', '0e37df36-f698-11e6-8dd4-cb9ced3df976', '\x00ff', '1 day 02:03:04', 12.5, ROW('Köln', 50667)),
    ('P2', '', NULL, 'infinity', 'infinity', NULL, 'NaN', false, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (E'P\n"3"', 'ü', '-infinity', NULL, NULL, -0.01, 1e16, NULL, '{}', 'null', 'sad', NULL, '', NULL, NULL, NULL);
CREATE VIEW sales.grown AS SELECT person_id FROM sales.people WHERE born < '2000-01-01';
CREATE TABLE sales.events (id int, at date) PARTITION BY RANGE (at);
CREATE TABLE sales.events_2026 PARTITION OF sales.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO sales.events SELECT g, '2026-05-01' FROM generate_series(1, 150000) g;
CREATE TABLE sales.empty (a text, b int);
CREATE TABLE sales.hidden (a text);
CREATE SCHEMA other;
CREATE TABLE other.people (person_id text);
INSERT INTO other.people VALUES ('other');
GRANT USAGE ON SCHEMA sales, other TO reader;
GRANT SELECT ON sales.people, sales.grown, sales.events, sales.empty, other.people TO reader;
"#;

#[tokio::test(flavor = "multi_thread")]
async fn tables_come_as_text_of_one_moment_and_without_the_password() {
    let Some(server) = servers::postgres() else { return };
    server.psql("postgres", SCHEMA);
    let base = format!("postgres://reader:s3cret%2F%40%25@127.0.0.1:{}/postgres", server.port);
    let mut database = open(&format!("{base}?schema=sales")).await.unwrap();
    let offers = database.offers();
    assert_eq!(offers.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["empty", "events", "grown", "people"]);
    assert_eq!(offers[3].display, format!("postgres://reader@127.0.0.1:{}/postgres#sales.people", server.port));
    assert_eq!(offers[3].columns[..3], ["person_id", "From", "created_at"]);

    // What is committed after the opening is not seen.
    server.psql("postgres", "INSERT INTO sales.people (person_id) VALUES ('late'); INSERT INTO sales.events VALUES (0, '2026-05-02')");
    let tables = read(&mut database, &["people", "grown", "events", "empty"]).await;
    assert_eq!(
        rows(&tables[0]),
        [
            "1: P1 | a@b.example | 2026-03-01T14:30:00.250000Z | 2026-03-01T09:30:00.000000 | 1990-02-28 | 1234.50 | 0.1 | true | [\"a\",\"b c\"] | \
             {\"x\": [1, 2]} | ok | 0e37df36-f698-11e6-8dd4-cb9ced3df976 | 00ff | 1 day 02:03:04 | 12.50 | {\"city\":\"Köln\",\"zip\":50667}",
            "2: P2 | - | - | - | - | - | NaN | false | - | - | - | - | - | - | - | -",
            "3: P\n\"3\" | ü | - | - | - | -0.01 | 1e+16 | - | [] | null | sad | - | - | - | - | -",
        ]
    );
    assert_eq!(rows(&tables[1]), ["1: P1"]);
    assert_eq!(tables[2].rows(), 150_000);
    assert_eq!((tables[3].rows(), tables[3].chunks[0].columns.len()), (0, 2));
    database.close().await;

    let mut both = open(&base).await.unwrap();
    let people: Vec<usize> = both.offers().iter().enumerate().filter(|(_, o)| o.name == "people").map(|(i, _)| i).collect();
    let fault = both.read(&people, &treaty_app::import::Silent).await.unwrap_err();
    assert!(fault.reason.contains("the table people is in the schemas other, sales; say which one is meant: ?schema=other"), "{fault}");
    both.close().await;

    for (text, words) in [
        (base.replace("s3cret", "wr0ng"), "password"),
        (base.replace("reader:", "nobody:"), "password"),
        (format!("{base}?schema=nothing"), "holds no table that this user may read"),
        (base.replace("/postgres", "/nothing"), "nothing"),
        (format!("{base}?sslmode=require"), "cannot be opened"),
    ] {
        let fault = open(&text).await.err().unwrap().to_string();
        assert!(fault.contains(words) && !fault.contains("s3cret") && !fault.contains("wr0ng"), "{words}: {fault}");
        assert!(fault.lines().count() == 1 && fault.contains("postgres://"), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_without_the_password() {
    for scheme in ["postgres", "mysql"] {
        let fault = open(&format!("{scheme}://reader:s3cret@127.0.0.1:1/crm")).await.err().unwrap().to_string();
        assert!(fault.starts_with(&format!("{scheme}://reader@127.0.0.1:1/crm: cannot be opened: ")), "{fault}");
        assert!(!fault.contains("s3cret") && fault.lines().count() == 1, "{fault}");
    }
}
