//! Every pack on its own fixtures, through the real binary: it is found by its signs, and the record holds the rows that
//! are expected. A pack may have several: `fixtures` and, for other dialects, `fixtures-NAME`.
//!
//! `fixtures/expected/TABLE.csv` is a table of the record, with the columns that hold anything, and `expected/import.txt` what the
//! import said of its rows. With `TREATY_WRITE_EXPECTED=1` the test writes them instead; read them before you keep them.

use crate::home::Home;
use std::fs;
use std::path::{Path, PathBuf};
use treaty_app::layout::TABLES;

/// The root of the repository.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Names of packs with their fixtures, those that say what is expected.
fn fixtures() -> Vec<(String, PathBuf)> {
    let folders = |folder: &Path| {
        let mut inner: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        inner.retain(|p| p.is_dir());
        inner.sort();
        inner
    };
    let mut all = Vec::new();
    for pack in folders(&Path::new(ROOT).join("packs")) {
        let name = shown(Path::new(pack.file_name().expect("a name"))).to_owned();
        all.extend(folders(&pack).into_iter().filter(|f| f.join("expected").is_dir()).map(|f| (name.clone(), f)));
    }
    assert!(!all.is_empty(), "packs have fixtures");
    all
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// What the import said of rows: their numbers, those refused and those left out, with the paths of this machine taken off.
fn said(out: &str, fixtures: &Path) -> String {
    // The losses are in the manifest, and the folder of what is expected is left out, of course.
    let passed_over = ["note: not in this source", "note: left out, as the pack"];
    let kept = |line: &&str| !passed_over.iter().any(|start| line.starts_with(start));
    let lines: Vec<String> = out.lines().filter(kept).map(|l| l.replace(&format!("{}/", shown(fixtures)), "")).collect();
    lines.join("\n") + "\n"
}

/// A table of the record as CSV, without the columns that hold nothing; nothing without rows.
pub fn table(home: &Home, name: &str) -> Option<String> {
    let text = home.ok(&["query", &format!("SELECT * FROM record_{name}"), "--format", "csv"]);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().expect("headers").clone();
    let mut rows: Vec<csv::StringRecord> = reader.records().map(|r| r.expect("a row")).collect();
    rows.sort_by(|a, b| a.iter().cmp(b.iter()));
    let kept: Vec<usize> = (0..headers.len())
        .filter(|i| &headers[*i] != "_version" && rows.iter().any(|r| !r[*i].is_empty()))
        .collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in std::iter::once(&headers).chain(&rows) {
        writer.write_record(kept.iter().map(|i| &row[*i])).expect("a row");
    }
    let text = String::from_utf8(writer.into_inner().expect("CSV")).expect("text");
    (!rows.is_empty()).then_some(text)
}

#[test]
fn every_pack_gives_the_rows_that_its_fixtures_expect() {
    let write = std::env::var_os("TREATY_WRITE_EXPECTED").is_some();
    let mut wrong = Vec::new();
    for (name, fixtures) in fixtures() {
        let home = Home::new(None);
        // What the pack says, and nothing that is found afterwards.
        fs::write(home.path().join("treaty.toml"), "[identity]\nafter_import = \"never\"\n").expect("settings");
        let run = home.run(&["import", shown(&fixtures), "--pack", &name]);
        assert!(run.code == 0 || run.code == 1, "{}\n{}\n{}", fixtures.display(), run.out, run.err);
        // Every row is used, refused, or left out for a reason that the pack gives.
        wrong.extend(run.out.lines().filter(|l| l.ends_with("the pack does not say why")).map(|l| format!("{}: {l}", fixtures.display())));
        let mut files = vec![("import.txt".to_owned(), Some(said(&run.out, &fixtures)))];
        // Only what the pack fills is worth asking for.
        let filled = |name: &str| run.out.lines().any(|l| l.split_whitespace().next() == Some(name));
        files.extend(TABLES.iter().map(|t| (format!("{}.csv", t.name), filled(t.name).then(|| table(&home, t.name)).flatten())));
        for (name, found) in files {
            let path = fixtures.join("expected").join(&name);
            match (write, &found) {
                (true, Some(text)) => fs::write(&path, text).expect("the expected rows are written"),
                (true, None) => drop(fs::remove_file(&path)),
                (false, _) => {
                    let expected = fs::read_to_string(&path).ok();
                    if expected != found {
                        let text = |t: Option<String>| t.unwrap_or_else(|| "no rows\n".to_owned());
                        wrong.push(format!("{}\nexpected\n{}found\n{}", path.display(), text(expected), text(found)));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_pack_is_found_by_its_own_fixtures() {
    let home = Home::new(None);
    for (name, fixtures) in fixtures() {
        let run = home.run(&["import", shown(&fixtures), "--dry-run"]);
        assert!(run.out.contains(&format!("note: read with the pack {name} (")), "{}\n{}\n{}", fixtures.display(), run.out, run.err);
    }
}
