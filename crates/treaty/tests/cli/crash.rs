//! A process that is killed at any moment leaves the record as before or as after.

use crate::home::{Home, treaty};
use std::process::Stdio;
use std::time::Duration;

fn write_data(home: &Home, rows: usize) {
    let mut people = String::from("person_id,created_at,lead_source\n");
    let mut touches = String::from("touchpoint_id,person_id,occurred_at,channel\n");
    for i in 0..rows {
        people.push_str(&format!("P{i},2025-01-{:02}T10:00:00Z,web\n", i % 28 + 1));
        for k in 0..5 {
            touches.push_str(&format!("T{i}-{k},P{i},2025-02-{:02}T1{k}:00:00Z,email\n", i % 28 + 1));
        }
    }
    home.file("people.csv", &people);
    home.file("touchpoints.csv", &touches);
}

fn counts(home: &Home) -> (String, String) {
    let count = |table: &str| {
        let r = home.run(&["query", &format!("SELECT count(*) AS n FROM record_{table}"), "--format", "csv"]);
        if r.err.contains("is empty") { "n\n0".to_owned() } else { r.out.trim().to_owned() }
    };
    (count("people"), count("touchpoints"))
}

#[test]
fn killed_imports_leave_before_or_after() {
    let home = Home::new(None);
    write_data(&home, 4_000);
    let data = home.data();
    let (mut before, mut after) = (0, 0);
    let mut wait = 2u64;
    for _ in 0..14 {
        let mut child = treaty()
            .arg("-C")
            .arg(home.path())
            .arg("import")
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        std::thread::sleep(Duration::from_millis(wait));
        child.kill().expect("the process is killed");
        child.wait().expect("the process ends");
        match counts(&home) {
            (p, t) if p == "n\n0" && t == "n\n0" => before += 1,
            (p, t) if p == "n\n4000" && t == "n\n20000" => after += 1,
            other => panic!("half an import is visible after {wait} ms: {other:?}"),
        }
        if after > 0 {
            break;
        }
        wait += wait / 2 + 3;
    }
    assert!(before > 0, "no run was killed in the middle");
    let last = home.run(&["import", data.to_str().expect("a path")]);
    assert_eq!(last.code, 0, "{}", last.err);
    assert_eq!(counts(&home), ("n\n4000".to_owned(), "n\n20000".to_owned()));
}

#[test]
fn a_second_import_at_the_same_time_is_refused() {
    let home = Home::new(None);
    write_data(&home, 10);
    let lock = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(home.path().join("record/.lock"))
        .expect("the lock file");
    lock.lock().expect("the lock");
    let r = home.run(&["import", home.data().to_str().expect("a path")]);
    assert_eq!(r.code, 2, "{}", r.out);
    assert!(r.err.contains("another process"), "{}", r.err);
    drop(lock);
    home.import();
}
