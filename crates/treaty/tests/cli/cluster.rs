//! A scheduler and workers as processes on loopback: the same bytes as one process gives, whatever
//! happens to a worker.

use crate::home::{Home, Run, run, treaty};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that ends with the test.
pub struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary runs"))
    }

    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([name, &self.0.id().to_string()]).status().expect("kill runs");
        assert!(done.success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A free port whose neighbour is free, too.
fn ports() -> u16 {
    for _ in 0..100 {
        let first = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = first.local_addr().expect("an address").port();
        if port < u16::MAX && TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no two free ports beside each other");
}

/// A scheduler, and its address.
pub fn scheduler() -> (Process, String) {
    scheduler_with(&mut treaty())
}

/// A scheduler; `command` is the binary with what else it needs.
pub fn scheduler_with(command: &mut Command) -> (Process, String) {
    let address = format!("127.0.0.1:{}", ports());
    let process = Process::start(command.args(["scheduler", "--bind", &address]));
    let begun = Instant::now();
    while TcpStream::connect(&address).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the scheduler does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    (process, address)
}

fn worker(home: &Path, scheduler: &str) -> Process {
    worker_of(&mut treaty(), home, scheduler)
}

/// A worker of one core over a home; `command` is the binary with what else it needs.
pub fn worker_of(command: &mut Command, home: &Path, scheduler: &str) -> Process {
    let own = format!("127.0.0.1:{}", ports());
    let process = Process::start(command.arg("-C").arg(home).args(["worker", "--scheduler", scheduler, "--bind", &own, "--cores", "1"]));
    let begun = Instant::now();
    while TcpStream::connect(&own).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the worker does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    process
}

/// A company whose pass has several chunks.
fn company() -> Home {
    let home = Home::new(None);
    write_company(&home);
    home.import();
    home
}

/// Files of such a company.
pub fn write_company(home: &Home) {
    let mut people = String::from("person_id,account_id,created_at,lead_source,campaign_id,owner_id\n");
    let mut touches = String::from("touchpoint_id,person_id,occurred_at,channel,campaign_id\n");
    let mut stages = String::from("subject_type,subject_id,changed_at,stage\n");
    let mut deals = String::from("opportunity_id,account_id,created_at,amount,currency\n");
    let mut contacts = String::from("opportunity_id,person_id,is_primary\n");
    for i in 0..150_000u32 {
        let day = i % 28 + 1;
        people.push_str(&format!("P{i},A{},2025-01-{day:02}T10:00:00Z,s{},C{},R{}\n", i / 4, i % 7, i % 11, i % 5));
        if i % 3 == 0 {
            touches.push_str(&format!("T{i},P{i},2025-01-{day:02}T09:00:00Z,email,C{}\n", i % 13));
            stages.push_str(&format!("person,P{i},2025-02-{day:02}T09:00:00Z,mql\n"));
        }
        if i % 40 == 0 {
            deals.push_str(&format!("O{i},A{},2025-03-{day:02}T09:00:00Z,{}.50,USD\n", i / 4, i % 9_000));
            contacts.push_str(&format!("O{i},P{i},true\n"));
            if i % 80 == 0 {
                stages.push_str(&format!("opportunity,O{i},2025-04-{day:02}T09:00:00Z,won\n"));
            }
        }
    }
    for (name, text) in
        [("people", people), ("touchpoints", touches), ("stage_changes", stages), ("opportunities", deals), ("opportunity_contacts", contacts)]
    {
        home.file(&format!("{name}.csv"), &text);
    }
}

pub const REVIEW: [&str; 5] = ["review", "--as-of", "2025-06-30", "--format", "json"];

/// The review without facts that were kept before.
pub fn review(home: &Home, more: &[&str]) -> Run {
    let _ = std::fs::remove_dir_all(home.path().join("facts"));
    home.run(&[REVIEW.as_slice(), more].concat())
}

#[test]
fn a_cluster_gives_the_same_bytes_also_when_a_worker_is_killed() {
    let home = company();
    let alone = review(&home, &[]);
    assert_eq!(alone.code, 0, "{}", alone.err);
    let chunks = home.ok(&["query", "SELECT count(chunk) AS n FROM pass", "--as-of", "2025-06-30", "--format", "csv"]);
    let chunks: u32 = chunks.lines().nth(1).and_then(|n| n.parse().ok()).expect("a count");
    assert!(chunks >= 3, "{chunks} chunks: too few to be shared out");
    let plan = home.ok(&["query", "EXPLAIN SELECT * FROM pass", "--as-of", "2025-06-30", "--format", "csv"]);
    assert!(plan.contains("PassExec: partitions=") && plan.contains("whole accounts"), "{plan}");

    let (_scheduler, address) = scheduler();
    let first = worker(&home.path(), &address);
    let one = review(&home, &["--cluster", &address]);
    assert_eq!((one.code, one.out == alone.out), (0, true), "with one worker: {}", one.err);
    let second = worker(&home.path(), &address);
    let two = review(&home, &["--cluster", &address]);
    assert_eq!((two.code, two.out == alone.out), (0, true), "with two workers: {}", two.err);

    // What the cluster derived is kept like any other facts: now it is not asked.
    let kept = home.run(&[REVIEW.as_slice(), &["--cluster", "127.0.0.1:1"]].concat());
    assert_eq!((kept.code, kept.out == alone.out), (0, true), "{}", kept.err);

    // A worker that takes its share and dies with it.
    second.signal("-STOP");
    let asked = std::thread::scope(|scope| {
        let asked = scope.spawn(|| review(&home, &["--cluster", &address]));
        std::thread::sleep(Duration::from_secs(2));
        second.signal("-KILL");
        asked.join().expect("the review ends")
    });
    assert_eq!((asked.code, asked.out == alone.out), (0, true), "with a killed worker: {}", asked.err);
    drop(first);
}

/// A home with one person.
pub fn of_one(id: &str) -> Home {
    let home = Home::new(None);
    home.file("people.csv", &format!("person_id,created_at,lead_source\n{id},2025-01-10T10:00:00Z,web\n"));
    home.import();
    home
}

#[test]
fn a_cluster_that_cannot_do_it_says_why() {
    let home = of_one("P1");
    let nobody = review(&home, &["--cluster", "127.0.0.1:1"]);
    assert_eq!(nobody.code, 2, "{}", nobody.out);
    assert!(nobody.err.contains("127.0.0.1:1 does not answer") && nobody.err.contains("treaty scheduler"), "{}", nobody.err);

    let other = of_one("P2");
    let (_scheduler, address) = scheduler();
    let _worker = worker(&other.path(), &address);
    let wrong = review(&home, &["--cluster", &address]);
    assert_eq!(wrong.code, 2, "{}", wrong.out);
    assert!(wrong.err.contains("workers must see the record of the one who asks"), "{}", wrong.err);

    let none = run(treaty().arg("-C").arg(home.dir.path()).args(["worker", "--scheduler", &address]));
    assert_eq!(none.code, 2, "{}", none.out);
    assert!(none.err.contains("is no home of Treaty"), "{}", none.err);
    let unclear = home.run(&["worker", "--scheduler", "somewhere"]);
    assert!(unclear.err.contains("write it like 10.0.0.1:50050"), "{}", unclear.err);
    let everywhere = home.run(&["worker", "--bind", "0.0.0.0:50051"]);
    assert!(everywhere.err.contains("--host"), "{}", everywhere.err);
}
