//! How many events a second are read and made safe, and how long identity takes for many people.
//! `cargo run --release -p treaty-intake --example throughput -- [DIR]`; DIR is on the disk that is to be measured.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use treaty_app::identity::{People, Snapshot};
use treaty_intake::events::rows::{Gathered, Stored};
use treaty_intake::events::{Received, parse};
use treaty_intake::identity::{Settings, resolve};
use treaty_intake::journal::{Journal, closed_segments, read_segment};

fn body(i: u32) -> Vec<u8> {
    format!(
        r#"{{"type":"track","messageId":"m{i}","userId":"u{}","event":"Form Submitted","timestamp":"2026-03-01T09:00:00.000Z","sentAt":"2026-03-01T09:00:01.000Z","properties":{{"offer":"trial","price":12.5}},"context":{{"campaign":{{"name":"spring","source":"google","medium":"cpc"}},"page":{{"url":"https://acme.com/try","path":"/try","referrer":"https://www.google.de/"}}}}}}"#,
        i % 1_000
    )
    .into_bytes()
}

fn rate(n: u32, took: Duration) -> f64 {
    f64::from(n) / took.as_secs_f64()
}

fn main() {
    events();
    journal(&std::env::args().nth(1).map_or_else(|| std::env::temp_dir().join("treaty-journal"), PathBuf::from));
    identity();
}

const N: u32 = 100_000;

fn bodies() -> Vec<Received> {
    (0..N).map(|i| Received::plain(1_772_355_602_000_000, &body(i))).collect()
}

fn events() {
    let bodies = bodies();
    let start = Instant::now();
    let (mut gathered, mut seen) = (Gathered::default(), BTreeSet::new());
    for body in &bodies {
        for message in parse(body).unwrap_or_default() {
            gathered.add(message, &mut seen);
        }
    }
    let parsed = start.elapsed();
    let rows: u64 = gathered.tables(&Stored::new()).iter().map(treaty_app::raw::RawTable::rows).sum();
    println!("read: {:.0} events/s on one core; into {rows} rows: {:.0} events/s", rate(N, parsed), rate(N, start.elapsed()));
}

fn journal(dir: &PathBuf) {
    let bodies = bodies();
    for writers in [1u32, 8, 64] {
        std::fs::remove_dir_all(dir).unwrap_or_default();
        let Ok(journal) = Journal::open(dir) else { return println!("{} cannot be used", dir.display()) };
        let each = if writers == 1 { 500 } else { N / 4 / writers };
        let start = Instant::now();
        std::thread::scope(|scope| {
            for w in 0..writers {
                let (journal, bodies) = (&journal, &bodies);
                scope.spawn(move || {
                    for i in 0..each {
                        if let Err(e) = journal.append(&bodies[(w * each + i) as usize].encode()) {
                            return println!("{e}");
                        }
                    }
                });
            }
        });
        let all = writers * each;
        println!("journal, {writers} writers: {:.0} events/s, {} syncs for {all} events", rate(all, start.elapsed()), journal.syncs());
    }
    let start = Instant::now();
    let frames: usize = closed_segments(dir).unwrap_or_default().iter().filter_map(|p| read_segment(p).ok()).map(|s| s.frames.len()).sum();
    println!("journal read back: {:.0} events/s", rate(frames as u32, start.elapsed()));
    std::fs::remove_dir_all(dir).unwrap_or_default();
}

fn identity() {
    let mut snapshot = Snapshot { people: People::new(), ..Snapshot::default() };
    let people = &mut snapshot.people;
    for i in 0..1_000_000u32 {
        let who = i % 900_000;
        people.id.push(Some(&format!("p{i}")));
        people.account.push((i % 3 > 0).then_some("A1"));
        people.email.push(Some(&format!("first.last{who}@company{}.com", who % 50_000)));
        people.name.push(Some(&format!("First{who} Last{}", who % 7_000)));
        people.phone.push((i % 2 == 0).then(|| format!("(415) 555-{:04}", who % 10_000)).as_deref());
        people.country.push(Some("US"));
        people.attributes.push(None);
        people.created_at.push(i64::from(i));
    }
    let start = Instant::now();
    let found = resolve(&snapshot, &Settings::default());
    println!("identity: 1,000,000 people in {:.1} s, {} links", start.elapsed().as_secs_f64(), found.links.len());
}
