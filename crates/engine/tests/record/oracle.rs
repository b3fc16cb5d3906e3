//! Random histories against a map.

use std::collections::BTreeMap;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;
use tempfile::TempDir;
use treaty_app::import::TableCount;
use treaty_engine::record::{Numbering, Record};

use super::help::{at, csv, import, lines};

/// A row: key, instant (day of January), name, attribute. An odd day is no date.
type Row = (u16, u8, u8, u8);

#[derive(Debug, Clone)]
enum Step {
    Import(Vec<Row>),
    Undo,
    Upkeep,
}

/// Small imports. Some histories begin with a large one, of which later ones replace a few rows.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let history = |base: u16, keys: u16| {
        let row = (0..keys, 1_u8..34, 0_u8..3, 0_u8..3);
        let step = prop_oneof![
            4 => prop::collection::vec(row, 0..14).prop_map(Step::Import),
            1 => Just(Step::Undo),
            1 => Just(Step::Upkeep),
        ];
        let whole: Vec<Row> = (0..base).map(|key| (key, (key % 28) as u8 + 1, (key % 3) as u8, (key % 2) as u8)).collect();
        prop::collection::vec(step, 1..7).prop_map(move |steps| {
            let first = (base > 0).then(|| Step::Import(whole.clone()));
            first.into_iter().chain(steps).collect::<Vec<Step>>()
        })
    };
    prop_oneof![history(0, 12), history(240, 12), history(240, 260)]
}

type Model = BTreeMap<String, String>;

fn cells(row: &Row) -> (String, String, String, String) {
    let text = |n: u8, word: &str| {
        if n == 0 {
            "~".to_owned()
        } else {
            format!("{word} {n}")
        }
    };
    (
        format!("P{:03}", row.0),
        format!("2026-01-{:02}", row.1),
        text(row.2, "a name of more than twelve letters"),
        text(row.3, "x"),
    )
}

/// The stored line of a row.
fn shown(row: &Row) -> Option<String> {
    let (key, day, name, extra) = cells(row);
    let extra = if row.3 == 0 {
        "~".to_owned()
    } else {
        format!("{{\"extra\":\"{extra}\"}}")
    };
    (row.1 <= 31).then(|| format!("{key},{day}T05:00:00Z,{name},{extra}"))
}

/// Orders rows of one key as the record does: by content, missing first.
fn rank(row: &Row) -> (u8, u8, u8) {
    (row.2, row.1, row.3)
}

fn apply(model: &Model, rows: &[Row]) -> (Model, TableCount) {
    let mut after = model.clone();
    let mut count = TableCount {
        table: "people".to_owned(),
        read: rows.len() as u64,
        ..TableCount::default()
    };
    let mut kept: BTreeMap<u16, Row> = BTreeMap::new();
    for row in rows {
        match shown(row) {
            None => count.rejected += 1,
            Some(_) => {
                let best = kept.entry(row.0).or_insert(*row);
                if rank(row) > rank(best) {
                    *best = *row;
                }
            }
        }
    }
    for row in rows.iter().filter(|r| shown(r).is_some()) {
        let best = kept[&row.0];
        if rank(row) != rank(&best) {
            count.rejected += 1;
        } else {
            count.unchanged += 1;
        }
    }
    count.repeated = count.unchanged - kept.len() as u64;
    for row in kept.values() {
        count.unchanged -= 1;
        let line = shown(row).unwrap_or_default();
        match after.insert(cells(row).0, line.clone()) {
            None => count.written += 1,
            Some(old) if old == line => count.unchanged += 1,
            Some(_) => count.changed += 1,
        }
    }
    (after, count)
}

async fn check(steps: Vec<Step>) -> Result<(), TestCaseError> {
    let dir = TempDir::new().expect("a folder");
    let mut record = Record::init(dir.path()).await.expect("a record");
    // States by version, and the imports that can be undone.
    let mut states: Vec<Model> = vec![Model::new()];
    let mut undoable: Vec<u64> = Vec::new();
    for (n, step) in steps.iter().enumerate() {
        let n = n as i64 + 1;
        let newest = states.len() as u64 - 1;
        let current = states.last().cloned().unwrap_or_default();
        match step {
            Step::Import(rows) => {
                let mut file = vec!["person_id,created_at,name,extra".to_owned()];
                file.extend(rows.iter().map(|r| {
                    let (a, b, c, d) = cells(r);
                    format!("{a},{b},{c},{d}")
                }));
                let file: Vec<&str> = file.iter().map(String::as_str).collect();
                let (after, count) = apply(&current, rows);
                let result = import(&record, n, vec![csv("people", &file)])
                    .await
                    .expect("an import");
                prop_assert_eq!(&result.tables, &vec![count.clone()]);
                prop_assert_eq!(result.faults.len() as u64, count.rejected);
                let moved = count.written + count.changed > 0;
                prop_assert_eq!(
                    (result.committed, result.version),
                    (moved, newest + u64::from(moved))
                );
                if moved {
                    states.push(after);
                    undoable.push(newest + 1);
                }
            }
            Step::Upkeep => {
                let done = record.maintain(at(n), i64::MIN, false).await.expect("upkeep");
                prop_assert!(done.version == newest || done.version == newest + 1);
                if done.version > newest {
                    states.push(current);
                }
            }
            Step::Undo => match undoable.pop() {
                None => prop_assert!(record.undo(at(n)).await.is_err()),
                Some(version) => {
                    prop_assert_eq!(
                        record.undo(at(n)).await.expect("an undo"),
                        (version, newest + 1)
                    );
                    states.push(states[version as usize - 1].clone());
                }
            },
        }
        if n % 2 == 0 {
            record = Record::open(dir.path()).await.expect("a record");
        }
    }
    for (version, want) in states.iter().enumerate() {
        let mut got = lines(
            &record,
            "people",
            version as u64,
            &["person_id", "created_at", "name", "attributes"],
        )
        .await;
        got.sort();
        let mut want: Vec<String> = want.values().cloned().collect();
        want.sort();
        prop_assert_eq!(got, want, "version {}", version);
    }
    // SQL and single cells see the same rows.
    let newest = record.version();
    let ids = lines(&record, "people", newest, &["person_id"]).await;
    let rows: Vec<u32> = (0..ids.len() as u32).rev().step_by(3).collect();
    let numbering = record.numbering("people", newest, &Numbering::default()).await.expect("numbers");
    let numbers = record.each("people", newest, &numbering, &["person_id"], |numbers, _| numbers.values().to_vec()).await.expect("parts").concat();
    let asked: Vec<u32> = rows.iter().map(|row| numbers[*row as usize]).collect();
    let cells = record.cells("people", newest, &numbering, "person_id", &asked).await.expect("cells");
    let want: Vec<Option<String>> = rows.iter().map(|row| Some(ids[*row as usize].clone())).collect();
    prop_assert_eq!(cells, want);
    let cx = SessionContext::new();
    cx.register_table("people", record.provider("people", newest).await.expect("a table")).expect("registered");
    let count = cx.sql("select count(distinct person_id), count(*) from people").await.expect("a plan").collect().await.expect("a row");
    let count = |c: usize| count[0].column(c).as_primitive::<Int64Type>().value(0) as usize;
    prop_assert_eq!((count(0), count(1)), (ids.len(), ids.len()));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_record_is_a_map_with_a_history(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(check(steps))?;
    }
}
