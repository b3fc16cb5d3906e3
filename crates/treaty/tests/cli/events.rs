//! Events through the real binary, and a process that is killed while it takes them.

use crate::home::{Home, run, treaty};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

fn events(home: &Home) -> Command {
    let mut command = treaty();
    command.arg("-C").arg(home.path()).arg("events").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Hands lines to `treaty events` and gives what it printed.
fn post(home: &Home, lines: &str) -> (i32, String) {
    let mut child = events(home).spawn().expect("the binary runs");
    child.stdin.take().expect("its input").write_all(lines.as_bytes()).expect("written");
    let out = child.wait_with_output().expect("it ends");
    (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stdout).into_owned())
}

#[test]
fn events_become_touchpoints_people_accounts_and_activities() {
    let home = Home::new(None);
    let (code, out) = post(
        &home,
        r#"{"type":"page","messageId":"1","anonymousId":"a1","timestamp":"2025-02-01T10:00:00Z","context":{"campaign":{"name":"spring","medium":"email"}}}
{"type":"identify","messageId":"2","anonymousId":"a1","userId":"u1","timestamp":"2025-02-02T10:00:00Z","traits":{"email":"ann@acme.com","name":"Ann Lee"}}
{"type":"group","messageId":"3","userId":"u1","groupId":"g1","timestamp":"2025-02-02T10:01:00Z","traits":{"name":"Acme"}}
{"specversion":"1.0","id":"4","source":"crm","type":"acme.activity","subject":"u1","time":"2025-02-03T10:00:00Z","data":{"kind":"call"}}
{"type":"track","messageId":"5","userId":"u1"}
{"type":"track","messageId":"6","anonymousId":"stranger","event":"Visit","timestamp":"2025-02-02T10:00:00Z"}
"#,
    );
    assert_eq!(code, 1, "{out}");
    assert_eq!(out.lines().filter(|l| l.starts_with("ok ")).count(), 5, "{out}");
    assert!(out.contains("refused 5: track without `event`"), "{out}");
    let dry = home.ok(&["import", "--journal", "--dry-run"]);
    assert!(dry.contains("Dry run"), "{dry}");
    let out = home.ok(&["import", "--journal"]);
    assert!(out.contains("5 bodies with 5 events, 0 of them repeated and 0 passed over"), "{out}");
    assert!(home.ok(&["import", "--journal"]).contains("The journal is empty."));
    let facts = home.ok(&["query", "SELECT person_id, account_id, activities FROM leads", "--as-of", "2025-12-31", "--format", "csv"]);
    assert_eq!(facts.trim(), "person_id,account_id,activities\nu1,g1,1");
    // The touch from before the visitor said who they are is theirs; that of a stranger waits.
    let touches = home.ok(&["query", "SELECT count(*) AS n, count(DISTINCT person_id) AS people FROM record_touchpoints", "--format", "csv"]);
    assert_eq!(touches.trim(), "n,people\n2,2");
    let note = home.ok(&["report", "sources", "--as-of", "2025-12-31"]);
    assert!(note.contains("1 touchpoints belong to people that are not in the record"), "{note}");
    // The same events once more change nothing.
    post(&home, r#"{"type":"identify","messageId":"2","anonymousId":"a1","userId":"u1","timestamp":"2025-02-02T10:00:00Z","traits":{"email":"ann@acme.com","name":"Ann Lee"}}"#);
    let again = home.ok(&["import", "--journal"]);
    assert!(again.contains("Nothing changed"), "{again}");
}

#[test]
fn a_killed_process_loses_no_acknowledged_event_and_makes_no_duplicates() {
    let home = Home::new(None);
    let mut safe: BTreeSet<String> = BTreeSet::new();
    let mut sent = 0u32;
    for round in 0..24u64 {
        let mut child = events(&home).spawn().expect("the binary runs");
        let mut input = child.stdin.take().expect("its input");
        let output = child.stdout.take().expect("its output");
        let first = sent;
        let writer = std::thread::spawn(move || {
            // Numbers of lines begin anew in every process; ids do not. Every tenth event is a retry of the one before.
            let mut ids = Vec::new();
            for i in 0..4_000u32 {
                let id = first + i - u32::from(i % 10 == 9);
                let line = format!("{{\"type\":\"track\",\"messageId\":\"m{id}\",\"userId\":\"u{}\",\"event\":\"A\",\"timestamp\":\"2025-02-01T10:00:00Z\"}}\n", id % 7);
                ids.push(format!("event:m{id}"));
                if input.write_all(line.as_bytes()).is_err() {
                    break;
                }
            }
            ids
        });
        let reader = std::thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).filter_map(|l| l.strip_prefix("ok ")?.parse::<usize>().ok()).collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(20 + round * 7));
        child.kill().expect("killed");
        child.wait().expect("it ends");
        let (ids, acknowledged) = (writer.join().expect("a writer"), reader.join().expect("a reader"));
        safe.extend(acknowledged.into_iter().filter_map(|number| ids.get(number - 1).cloned()));
        sent += 4_000;
        // Now and then an import is killed, too, wherever it is.
        if round % 3 == 2 {
            let mut import = treaty().arg("-C").arg(home.path()).args(["import", "--journal"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
            std::thread::sleep(Duration::from_millis(10 + round * 12));
            import.kill().expect("killed");
            import.wait().expect("it ends");
        }
    }
    let last = run(treaty().arg("-C").arg(home.path()).args(["import", "--journal"]));
    assert_eq!(last.code, 0, "{}\n{}", last.out, last.err);
    let out = home.ok(&["query", "SELECT touchpoint_id FROM record_touchpoints ORDER BY touchpoint_id", "--format", "csv"]);
    let stored: Vec<&str> = out.lines().skip(1).collect();
    let distinct: BTreeSet<&str> = stored.iter().copied().collect();
    assert_eq!(stored.len(), distinct.len(), "no event came twice");
    let lost: Vec<&String> = safe.iter().filter(|id| !distinct.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged events are lost: {:?}", lost.len(), safe.len(), lost.first());
    assert!(safe.len() > 100, "only {} were acknowledged", safe.len());
    assert!(std::fs::read_dir(home.path().join("journal")).expect("the journal").filter_map(Result::ok).all(|e| e.file_name() == ".lock"));
}
