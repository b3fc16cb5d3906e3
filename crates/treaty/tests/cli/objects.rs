//! One record on an object store, and several machines that work with it: real processes, a real server of the protocol.

use crate::cluster::{REVIEW, scheduler, worker_of, write_company};
use crate::home::{Home, Run, run, treaty};
use crate::s3::{KEY, SECRET, Server};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PLACE: &str = "s3://crm/acme/record";

/// A machine: a home of its own over a record on a server.
pub struct Machine<'s> {
    server: &'s Server,
    pub home: Home,
    name: &'static str,
}

impl<'s> Machine<'s> {
    /// One whose home is not there yet.
    fn new(server: &'s Server, name: &'static str) -> Self {
        Self { server, home: Home { dir: tempfile::tempdir().expect("a temporary folder") }, name }
    }

    /// One with a home over the shared record.
    pub fn over(server: &'s Server, name: &'static str) -> Self {
        let machine = Self::new(server, name);
        let path = machine.home.path();
        let init = machine.bare(&["init", path.to_str().expect("a path"), "--record", PLACE]);
        assert_eq!(init.code, 0, "{}", init.err);
        machine
    }

    fn command(&self) -> Command {
        let mut command = treaty();
        command.env("USER", self.name).env("HOSTNAME", format!("desk-of-{}", self.name));
        self.server.reached(&mut command, (KEY, SECRET));
        command
    }

    fn bare(&self, args: &[&str]) -> Run {
        run(self.command().args(args))
    }

    pub fn run(&self, args: &[&str]) -> Run {
        run(self.command().arg("-C").arg(self.home.path()).args(args))
    }

    pub fn ok(&self, args: &[&str]) -> String {
        let r = self.run(args);
        assert_eq!(r.code, 0, "{}: {args:?}\n{}\n{}", self.name, r.out, r.err);
        r.out
    }

    pub fn import(&self, data: &Path) -> Run {
        self.run(&["import", data.to_str().expect("a path")])
    }

    /// Starts an import and lets it go on.
    fn importing(&self, data: &Path) -> Child {
        let mut command = self.command();
        command.arg("-C").arg(self.home.path()).arg("import").arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs")
    }

    /// Rows of a table, or none where it is empty.
    fn count(&self, table: &str) -> usize {
        let r = self.run(&["query", &format!("SELECT count(*) AS n FROM record_{table}"), "--format", "csv"]);
        if r.err.contains("is empty") { 0 } else { r.out.lines().nth(1).and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("{}", r.err)) }
    }
}

/// Where the server keeps the objects of the record.
pub fn objects(server: &Server) -> PathBuf {
    server.dir.path().join("crm/acme/record")
}

/// Waits for something to be there.
fn until(what: &str, there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill runs");
    assert!(done.success());
}

fn ended(child: Child) -> Run {
    let Output { status, stdout, stderr } = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { code: status.code().unwrap_or(-1), out: text(stdout), err: text(stderr) }
}

/// People and touches with ids that begin with a letter.
pub fn data(home: &Home, letter: char, people: usize) -> PathBuf {
    let mut persons = String::from("person_id,created_at,lead_source\n");
    let mut touches = String::from("touchpoint_id,person_id,occurred_at,channel\n");
    for i in 0..people {
        persons.push_str(&format!("{letter}{i},2025-01-{:02}T10:00:00Z,web\n", i % 28 + 1));
        for k in 0..5 {
            touches.push_str(&format!("{letter}{i}-{k},{letter}{i},2025-02-{:02}T1{k}:00:00Z,email\n", i % 28 + 1));
        }
    }
    let folder = home.dir.path().join(format!("data-{letter}"));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("people.csv"), persons).expect("a file");
    std::fs::write(folder.join("touchpoints.csv"), touches).expect("a file");
    folder
}

#[test]
fn a_record_on_an_object_store_is_a_record_like_any_other() {
    let Some(server) = Server::start() else { return };
    let ada = Machine::new(&server, "ada");
    let path = ada.home.path();
    let told = ada.bare(&["init", path.to_str().expect("a path"), "--record", PLACE]);
    assert!(told.out.contains("Its record is in s3://crm/acme/record, and empty."), "{}{}", told.out, told.err);
    assert!(ada.ok(&["check"]).contains("stages"));
    let local = Home::new(None);
    let files = data(&ada.home, 'P', 300);
    let (first, alone) = (ada.import(&files), local.run(&["import", files.to_str().expect("a path")]));
    assert_eq!((first.code, &first.out), (0, &alone.out), "{}", first.err);
    assert!(!path.join("record").exists(), "nothing of the record is in the home");
    let again = ada.import(&files);
    assert!(again.out.contains("Nothing changed; the record stays at version 1."), "{}{}", again.out, again.err);
    let review = ada.ok(&REVIEW);
    assert_eq!(review, local.ok(&REVIEW));
    assert_eq!(review, ada.ok(&REVIEW), "from the facts that are kept in the home");
    assert!(path.join("facts").is_dir());
    let sql = ["query", "SELECT channel, count(*) AS n FROM record_touchpoints GROUP BY channel", "--format", "csv"];
    assert_eq!(ada.ok(&sql), "channel,n\nemail,1500\n");

    // Another machine joins, sees all of it, and goes on.
    let bo = Machine::new(&server, "bo");
    let told = bo.bare(&["init", bo.home.path().to_str().expect("a path"), "--record", PLACE]);
    assert!(told.out.contains("which is there already, at version 1. Copy agreement.toml"), "{}{}", told.out, told.err);
    assert_eq!(bo.ok(&REVIEW), review);
    assert_eq!(bo.import(&data(&bo.home, 'Q', 20)).code, 0);
    assert_eq!((ada.count("people"), bo.count("people")), (320, 320));
    let undone = ada.ok(&["undo"]);
    assert!(undone.contains("Took back version 2; the record is at version 3."), "{undone}");
    assert_eq!((ada.count("people"), bo.count("people")), (300, 300));
    let log = bo.ok(&["log"]);
    assert!(log.lines().count() == 4 && log.contains("undo"), "{log}");
    // A row that is refused can be asked for again from anywhere.
    let bad = bo.home.dir.path().join("bad");
    std::fs::create_dir_all(&bad).expect("a folder");
    std::fs::write(bad.join("people.csv"), "person_id,created_at\nR1,2025-03-01\nR2,soon\n").expect("a file");
    assert_eq!(bo.import(&bad).code, 1);
    assert!(ada.ok(&["log", "4"]).contains("soon"));
    // A tap keeps its state here, and its rows there.
    let row = "{\"type\":\"RECORD\",\"stream\":\"accounts\",\"record\":{\"account_id\":\"A1\",\"name\":\"Acme\"}}\n";
    let schema = "{\"type\":\"SCHEMA\",\"stream\":\"accounts\",\"schema\":{\"properties\":{}},\"key_properties\":[\"account_id\"]}\n";
    let messages = bo.home.file("messages.jsonl", &[schema, row].concat());
    bo.ok(&["import", "--tap", &format!("cat '{}'", messages.display()), "--name", "shop"]);
    assert_eq!((ada.count("accounts"), bo.home.path().join("taps/shop").is_dir()), (1, true));
    // Upkeep deletes what nobody needs.
    let kept = ada.ok(&["maintain", "--keep-days", "0"]);
    assert!(kept.contains("were deleted") && kept.contains("Versions from"), "{kept}");
    assert_eq!((ada.count("people"), bo.count("touchpoints")), (301, 1500));
}

#[test]
fn what_is_wrong_with_the_place_is_told_with_what_to_do() {
    let Some(server) = Server::start() else { return };
    let ada = Machine::over(&server, "ada");
    let init = |place: &str, keys: (&str, &str)| {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut command = treaty();
        let r = run(server.reached(command.arg("init").arg(dir.path().join("home")).args(["--record", place]), keys));
        assert_eq!(r.code, 2, "{place}: {}\n{}", r.out, r.err);
        assert!(!dir.path().join("home/agreement.toml").exists(), "{place}: no home without a record");
        r.err
    };
    let good = (KEY, SECRET);
    for (place, keys, words) in [
        (PLACE, ("nobody", SECRET), "AWS_ACCESS_KEY_ID"),
        (PLACE, (KEY, "wr0ng"), "AWS_SECRET_ACCESS_KEY"),
        ("s3://nothing/record", good, "is the bucket spelt right"),
        ("gs://crm/record", good, "write a folder, or s3://bucket/folder"),
        ("postgres://ada:pw@host/crm", good, "cannot be kept in postgres://ada@host/crm"),
        ("s3://crm/a b", good, "letters, digits"),
    ] {
        let told = init(place, keys);
        assert!(told.contains(words), "{place}: {told}");
        assert!(!told.contains(SECRET) && !told.contains("wr0ng") && !told.contains("<?xml") && told.lines().count() < 4, "{place}: {told}");
    }

    // A home whose settings name a place without a record, or none at all.
    let settings = ada.home.path().join("treaty.toml");
    let text = std::fs::read_to_string(&settings).expect("settings");
    std::fs::write(&settings, text.replace(PLACE, "s3://crm/acme/recrod")).expect("settings");
    let told = ada.run(&["log"]);
    assert!(told.code == 2 && told.err.contains("there is no record at s3://crm/acme/recrod") && told.err.contains("[record]"), "{}", told.err);
    std::fs::write(&settings, text.replace(PLACE, "gs://crm/acme")).expect("settings");
    let told = ada.run(&["check"]);
    assert!(told.code == 1 && told.out.contains("record.at: gs://crm/acme"), "{}{}", told.out, told.err);

    // An address that is none.
    std::fs::write(&settings, &text).expect("settings");
    let mut command = ada.command();
    let told = run(command.env("AWS_ENDPOINT", "10.0.0.1:9000").arg("-C").arg(ada.home.path()).arg("log"));
    assert!(told.code == 2 && told.err.contains("AWS_ENDPOINT is `10.0.0.1:9000`, which is no address such as http://"), "{}", told.err);

    // A key that goes wrong later.
    let mut command = treaty();
    server.reached(command.arg("-C").arg(ada.home.path()).arg("log"), (KEY, "wr0ng"));
    let told = run(&mut command);
    assert!(told.code == 2 && told.err.contains("the record at s3://crm/acme/record cannot be reached"), "{}", told.err);
    assert!(told.err.contains("SignatureDoesNotMatch") && !told.err.contains("wr0ng"), "{}", told.err);
}

#[test]
fn imports_at_the_same_time_are_both_there_in_the_end() {
    let Some(server) = Server::start() else { return };
    let (ada, bo) = (Machine::over(&server, "ada"), Machine::over(&server, "bo"));
    let mut told = 0;
    for round in 0..4 {
        let letter = |n: u8| char::from(b'A' + 2 * round + n);
        let files = [data(&ada.home, letter(0), 2_000), data(&bo.home, letter(1), 2_000)];
        let (one, two) = (ada.importing(&files[0]), bo.importing(&files[1]));
        for (machine, files, r) in [(&ada, &files[0], ended(one)), (&bo, &files[1], ended(two))] {
            if r.code != 0 {
                let other = if machine.name == "ada" { "bo" } else { "ada" };
                let waits = r.err.contains(&format!("{other} on desk-of-{other} (process")) && r.err.contains("wait until it is done and try again");
                let again = r.err.contains("another import into s3://crm/acme/record happened meanwhile") && r.err.contains("Run it again");
                assert!(r.code == 2 && (waits || again), "{}\n{}", r.out, r.err);
                told += 1;
                let r = machine.import(files);
                assert_eq!(r.code, 0, "{}\n{}", r.out, r.err);
            }
        }
        let people = 4_000 * (usize::from(round) + 1);
        assert_eq!((ada.count("people"), bo.count("touchpoints")), (people, 5 * people), "round {round}");
    }
    let versions = ada.ok(&["log"]).lines().count();
    assert_eq!(versions, 9, "eight imports, each once, {told} of them at the second try");
}

#[test]
fn imports_into_a_store_that_are_killed_leave_before_or_after() {
    let Some(server) = Server::start() else { return };
    let (ada, bo) = (Machine::over(&server, "ada"), Machine::over(&server, "bo"));
    let files = data(&ada.home, 'K', 4_000);
    let (mut before, mut wait) = (0, 5);
    loop {
        let mut writer = ada.importing(&files);
        std::thread::sleep(Duration::from_millis(wait));
        signal(&writer, "-KILL");
        writer.wait().expect("it ends");
        match (bo.count("people"), bo.count("touchpoints")) {
            (0, 0) => before += 1,
            (4_000, 20_000) => break,
            other => panic!("half an import is visible after {wait} ms: {other:?}"),
        }
        // As if its lease had run out.
        let _ = std::fs::remove_file(objects(&server).join("_writer.json"));
        wait += wait / 3 + 5;
        assert!(wait < 60_000, "no import ends");
    }
    assert!(before > 2, "{before} were killed in the middle");
    let _ = std::fs::remove_file(objects(&server).join("_writer.json"));
    let again = bo.import(&files);
    assert!(again.out.contains("Nothing changed; the record stays at version 1."), "{}{}", again.out, again.err);
}

#[test]
fn a_writer_that_is_killed_is_followed_by_another_when_its_lease_has_run_out() {
    let Some(server) = Server::start() else { return };
    let (ada, bo) = (Machine::over(&server, "ada"), Machine::over(&server, "bo"));
    assert_eq!(ada.import(&data(&ada.home, 'A', 50)).code, 0);
    let (large, small) = (data(&ada.home, 'B', 20_000), data(&bo.home, 'C', 30));
    let touches = objects(&server).join("touchpoints");
    let before = std::fs::read_dir(&touches).expect("a folder").count();
    let mut writer = ada.importing(&large);
    // It has written files, and is on its way to commit them.
    until("a file of the import", || std::fs::read_dir(&touches).is_ok_and(|d| d.count() > before));
    signal(&writer, "-KILL");
    writer.wait().expect("it ends");
    assert_eq!((bo.count("people"), bo.count("touchpoints")), (50, 250), "nobody sees any of it");
    let begun = Instant::now();
    let next = bo.import(&small);
    assert_eq!(next.code, 0, "{}\n{}", next.out, next.err);
    let waited = begun.elapsed();
    assert!(waited > Duration::from_secs(10), "the lease of the dead was taken after {waited:?}");
    assert_eq!((ada.count("people"), ada.count("touchpoints")), (80, 400));
    // Nobody waits any more.
    let begun = Instant::now();
    assert_eq!(ada.import(&large).code, 0);
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert_eq!((bo.count("people"), bo.count("touchpoints")), (20_080, 100_400));
}

#[test]
fn a_writer_that_wakes_up_too_late_is_told_and_changes_nothing() {
    let Some(server) = Server::start() else { return };
    let (ada, bo) = (Machine::over(&server, "ada"), Machine::over(&server, "bo"));
    assert_eq!(ada.import(&data(&ada.home, 'A', 50)).code, 0);
    let (large, small) = (data(&ada.home, 'B', 20_000), data(&bo.home, 'C', 30));
    let people = objects(&server).join("people");
    let before = std::fs::read_dir(&people).expect("a folder").count();
    let writer = ada.importing(&large);
    until("a file of the import", || std::fs::read_dir(&people).is_ok_and(|d| d.count() > before));
    // A machine that is put to sleep.
    signal(&writer, "-STOP");
    let next = bo.import(&small);
    assert_eq!(next.code, 0, "{}\n{}", next.out, next.err);
    signal(&writer, "-CONT");
    let late = ended(writer);
    assert_eq!(late.code, 2, "{}\n{}", late.out, late.err);
    assert!(late.err.contains("another import into s3://crm/acme/record happened meanwhile; nothing of this one is in the record. Run it again"), "{}", late.err);
    assert_eq!((ada.count("people"), bo.count("touchpoints")), (80, 400));
    assert_eq!(bo.ok(&["log"]).lines().count(), 3);
    // Upkeep of one machine and imports of the other do each other no harm.
    bo.ok(&["maintain"]);
    assert_eq!(ada.import(&large).code, 0);
    assert_eq!((ada.count("people"), bo.count("touchpoints")), (20_080, 100_400));
    assert!(ada.import(&large).out.contains("Nothing changed"));
}

#[test]
fn a_record_can_be_moved_into_a_bucket_and_its_log_grows_long() {
    let Some(server) = Server::start() else { return };
    let local = Home::new(None);
    let files = data(&local, 'P', 3);
    for i in 0..20 {
        std::fs::write(files.join("people.csv"), format!("person_id,created_at\nP{i},2025-01-01\n")).expect("a file");
        local.ok(&["import", files.to_str().expect("a path")]);
    }
    std::fs::create_dir_all(objects(&server)).expect("a folder");
    let copied = Command::new("cp").arg("-r").arg(local.path().join("record/.")).arg(objects(&server)).status().expect("cp runs");
    assert!(copied.success());
    let ada = Machine::over(&server, "ada");
    assert_eq!((ada.count("people"), ada.ok(&["log"])), (20, local.ok(&["log"])));
    for i in 20..40 {
        std::fs::write(files.join("people.csv"), format!("person_id,created_at\nP{i},2025-01-01\n")).expect("a file");
        assert_eq!(ada.import(&files).code, 0);
    }
    let log = objects(&server).join("_ledger/_delta_log");
    let shortened = std::fs::read_dir(log).expect("a folder").flatten().any(|e| e.file_name().to_string_lossy().contains("checkpoint"));
    assert!(shortened, "a checkpoint is there");
    assert_eq!((ada.count("people"), ada.ok(&["log"]).lines().count()), (40, 41));
}

#[test]
fn workers_of_other_homes_read_the_record_on_the_store() {
    let Some(server) = Server::start() else { return };
    let ada = Machine::over(&server, "ada");
    write_company(&ada.home);
    let imported = ada.import(&ada.home.data());
    assert_eq!(imported.code, 0, "{}", imported.err);
    let alone = ada.ok(&REVIEW);
    let (first, second) = (Machine::over(&server, "bo"), Machine::over(&server, "cy"));
    let (_scheduler, address) = scheduler();
    let _workers = [&first, &second].map(|m| worker_of(&mut m.command(), &m.home.path(), &address));
    std::fs::remove_dir_all(ada.home.path().join("facts")).expect("facts were kept");
    assert_eq!(ada.ok(&[REVIEW.as_slice(), &["--cluster", &address]].concat()), alone);

    // What is imported later is seen by workers that are at work already; whatever they kept before,
    // they number alike.
    std::fs::remove_dir_all(second.home.path().join("timelines")).expect("timelines were kept");
    let more = data(&first.home, 'B', 40);
    let people: String = (0..40).map(|i| format!("B{i},A{i},2025-01-05T10:00:00Z,web\n")).collect();
    std::fs::write(more.join("people.csv"), format!("person_id,account_id,created_at,lead_source\n{people}")).expect("a file");
    assert_eq!(first.import(&more).code, 0);
    let later = ada.ok(&[REVIEW.as_slice(), &["--cluster", &address]].concat());
    std::fs::remove_dir_all(ada.home.path().join("facts")).expect("facts were kept");
    assert_eq!((ada.ok(&REVIEW) == later, later == alone), (true, false));
}
