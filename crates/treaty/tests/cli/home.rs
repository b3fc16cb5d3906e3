//! A home in a temporary folder, the real binary, and the life of a record.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The binary under test.
pub fn treaty() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_treaty"));
    command.env("NO_COLOR", "1").env("COLUMNS", "120");
    command
}

/// A home with files beside it.
pub struct Home {
    pub dir: TempDir,
}

/// What a run printed.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn run(command: &mut Command) -> Run {
    let Output { status, stdout, stderr } = command.output().expect("the binary runs");
    Run {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        err: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

impl Home {
    /// A new home under an agreement; `None` keeps the template.
    pub fn new(agreement: Option<&str>) -> Self {
        let home = Self { dir: tempfile::tempdir().expect("a temporary folder") };
        let init = run(treaty().arg("init").arg(home.path()));
        assert_eq!(init.code, 0, "{}", init.err);
        if let Some(text) = agreement {
            std::fs::write(home.path().join("agreement.toml"), text).expect("the agreement is written");
        }
        home
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    /// Writes a file to import.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let data = self.dir.path().join("data");
        std::fs::create_dir_all(&data).expect("a folder");
        let path = data.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Runs `treaty -C HOME ARGS`.
    pub fn run(&self, args: &[&str]) -> Run {
        run(treaty().arg("-C").arg(self.path()).args(args))
    }

    /// Runs a command that must succeed, and gives what it printed.
    pub fn ok(&self, args: &[&str]) -> String {
        let r = self.run(args);
        assert_eq!(r.code, 0, "{args:?}\n{}\n{}", r.out, r.err);
        r.out
    }

    /// Imports all files written so far.
    pub fn import(&self) -> String {
        self.ok(&["import", self.data().to_str().expect("a path")])
    }

    /// A report as rows of cells by header.
    pub fn report(&self, args: &[&str]) -> Vec<std::collections::BTreeMap<String, String>> {
        let mut all = vec!["report"];
        all.extend(args);
        all.extend(["--format", "csv"]);
        rows(&self.ok(&all))
    }
}

/// Rows of CSV by header.
pub fn rows(text: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().expect("headers").clone();
    reader
        .records()
        .map(|r| {
            let r = r.expect("a row");
            headers.iter().zip(r.iter()).map(|(h, c)| (h.to_owned(), c.to_owned())).collect()
        })
        .collect()
}

fn demo() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("demo");
    let r = run(treaty().arg("demo").arg(&path));
    assert_eq!(r.code, 0, "{}", r.err);
    assert!(r.out.contains("marketing"), "{}", r.out);
    (dir, path)
}

fn review(path: &Path) -> String {
    let r = run(treaty().arg("-C").arg(path).args(["review", "--as-of", "2026-06-30", "--period", "2026-Q2", "--format", "json"]));
    assert_eq!(r.code, 0, "{}", r.err);
    r.out
}

#[test]
fn the_demo_gives_the_same_review_every_time() {
    let ((_a, first), (_b, second)) = (demo(), demo());
    assert_eq!(review(&first), review(&second));
    let page = std::fs::read_to_string(first.join("review.html")).expect("the page");
    assert!(page.contains("<svg") && page.contains("promise.sales.speed_to_lead"));
    for outside in ["src=\"http", "href=\"http", "url(http", "@import", "rel=\"stylesheet\""] {
        assert!(!page.contains(outside), "the page must need nothing from outside: {outside}");
    }
}

#[test]
fn what_is_derived_can_be_deleted_or_have_no_place() {
    let (_dir, path) = demo();
    let wanted = review(&path);
    let folders = ["timelines", "facts"].map(|name| path.join(name));
    assert!(folders.iter().all(|f| f.is_dir()), "nothing was kept");
    for without in [&folders[..1], &folders[1..], &folders[..]] {
        without.iter().for_each(|f| std::fs::remove_dir_all(f).expect("a folder"));
        assert_eq!(review(&path), wanted);
    }
    // A file in the way: nothing can be kept.
    for folder in &folders {
        std::fs::remove_dir_all(folder).expect("a folder");
        std::fs::write(folder, "").expect("a file");
    }
    assert_eq!(review(&path), wanted);
}

#[test]
fn a_small_import_keeps_timelines_up_to_date() {
    let (_dir, path) = demo();
    let timelines = || -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(path.join("timelines")).expect("timelines").map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let [whole] = &timelines()[..] else { panic!("the demo keeps its timelines: {:?}", timelines()) };
    let text = std::fs::read_to_string(path.join("data/touchpoints.csv")).expect("touchpoints");
    let lines: Vec<&str> = text.lines().collect();
    let channel = lines[0].split(',').position(|c| c == "channel").expect("a channel");
    let mut cells: Vec<&str> = lines[1].split(',').collect();
    cells[channel] = "changed";
    let changed = path.join("touchpoints.csv");
    std::fs::write(&changed, format!("{}\n{}\n", lines[0], cells.join(","))).expect("a file");
    let import = run(treaty().arg("-C").arg(&path).arg("import").arg(&changed));
    assert_eq!(import.code, 0, "{}", import.err);
    let kept = timelines();
    assert!(kept.len() == 2 && kept[0] == *whole && kept[1].starts_with("v00000002-") && path.join("timelines").join(&kept[1]).join("base").is_dir(), "{kept:?}");
    let patched = review(&path);
    assert_eq!(timelines(), kept, "the review needed no other ones");
    for folder in ["timelines", "facts"] {
        std::fs::remove_dir_all(path.join(folder)).expect("a folder");
    }
    assert_eq!(review(&path), patched);
}

#[test]
fn importing_twice_changes_nothing_and_undo_takes_it_back() {
    let (_dir, path) = demo();
    let again = run(treaty().arg("-C").arg(&path).arg("import").arg(path.join("data")));
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.out.contains("Nothing changed; the record stays at version 1."), "{}", again.out);
    let undo = run(treaty().arg("-C").arg(&path).arg("undo"));
    assert_eq!(undo.code, 0, "{}", undo.err);
    let empty = run(treaty().arg("-C").arg(&path).args(["query", "SELECT count(*) AS n FROM record_people", "--format", "csv"]));
    assert_eq!(empty.out.trim(), "n\n0", "{}", empty.err);
    let log = run(treaty().arg("-C").arg(&path).arg("log"));
    assert!(log.out.contains("undo"), "{}", log.out);
}

#[test]
fn shuffled_files_give_the_same_bytes() {
    let (_dir, path) = demo();
    let wanted = review(&path);
    let shuffled = tempfile::tempdir().expect("a temporary folder");
    let data = shuffled.path().join("data");
    std::fs::create_dir_all(&data).expect("a folder");
    for entry in std::fs::read_dir(path.join("data")).expect("the data") {
        let entry = entry.expect("an entry");
        let text = std::fs::read_to_string(entry.path()).expect("a file");
        let (header, body) = text.split_once('\n').expect("a header");
        let mut lines: Vec<&str> = body.lines().collect();
        // A fixed shuffle: by the last seven characters, backwards.
        lines.sort_by_key(|l| l.chars().rev().take(7).collect::<String>());
        lines.reverse();
        std::fs::write(data.join(entry.file_name()), format!("{header}\n{}\n", lines.join("\n"))).expect("a file");
    }
    let home = shuffled.path().join("home");
    assert_eq!(run(treaty().arg("init").arg(&home)).code, 0);
    std::fs::copy(path.join("agreement.toml"), home.join("agreement.toml")).expect("the agreement");
    std::fs::create_dir_all(home.join("agreements")).expect("a folder");
    std::fs::copy(path.join("agreements/2024-01-01.toml"), home.join("agreements/2024-01-01.toml")).expect("the older one");
    let r = run(treaty().arg("-C").arg(&home).arg("import").arg(&data));
    assert_eq!(r.code, 0, "{}", r.err);
    assert_eq!(review(&home), wanted);
}

#[test]
fn a_dry_run_writes_nothing() {
    let home = Home::new(None);
    home.file("accounts.csv", "account_id,name\nA1,Acme\n");
    let out = home.ok(&["import", home.data().to_str().expect("a path"), "--dry-run"]);
    assert!(out.contains("Dry run: nothing was written."), "{out}");
    assert!(home.ok(&["log"]).lines().count() == 1);
}

#[test]
fn late_data_is_told_apart_from_what_happened_since() {
    let home = Home::new(None);
    home.file("people.csv", "person_id,created_at,lead_source\nP1,2025-01-10T10:00:00Z,web\nP2,2025-02-10T10:00:00Z,web\n");
    home.import();
    let today = home.ok(&["report", "sources", "--format", "json"]);
    assert!(today.contains("\"record_version\": 1"), "{today}");
    let diff = home.ok(&["diff", "--from", "2025-01-31", "--to", "2025-02-28", "--format", "csv"]);
    let leads = rows(&diff).into_iter().find(|r| r["metric"] == "Leads").expect("a row of leads");
    assert_eq!((leads["from"].as_str(), leads["late_or_corrected"].as_str(), leads["time"].as_str(), leads["to"].as_str()), ("1", "0", "1", "2"));
}

#[test]
fn custom_columns_are_dimensions() {
    let home = Home::new(None);
    home.file("people.csv", "person_id,created_at,lead_source,offer\nP1,2025-01-10,web,trial\nP2,2025-01-11,web,paper\nP3,2025-01-12,web,trial\n");
    home.import();
    let by = home.report(&["sources", "--by", "offer", "--as-of", "2025-03-01"]);
    let count = |offer: &str| by.iter().find(|r| r["offer"] == offer).map(|r| r["leads"].clone());
    assert_eq!((count("trial").as_deref(), count("paper").as_deref()), (Some("2"), Some("1")));
    let only = home.report(&["sources", "--where", "offer = 'paper'", "--as-of", "2025-03-01"]);
    assert_eq!(only.last().expect("a total")["leads"], "1");
}
