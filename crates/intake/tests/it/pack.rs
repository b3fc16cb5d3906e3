//! Packs: the manifest, the files they find, and the pack of the documentation.

use crate::{faults, headers, put, rows};
use std::path::{Path, PathBuf};
use treaty_app::import::Silent;
use treaty_app::raw::Fault;
use treaty_intake::messy::DayFirst;
use treaty_intake::pack::{DayFirstRule, Pack, Shelf, pack_names};

const GOOD: &str = r#"
[pack]
name = "sheet"
title = "Sheet"
description = "A sheet."
source = "sheet"

[[file]]
table = "deals"
path = "deals*.csv"
columns = ["id", "opened"]
optional_columns = ["note"]

[[file]]
table = "extra"
path = "extra.csv"
required = false
columns = ["x"]

[dates]
day_first = "detect"
columns = ["deals.opened"]

[losses]
second = "first in the file"
first = "second in the file"
"#;

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs")
}

fn shown(faults: &[Fault], dir: &Path) -> Vec<String> {
    let prefix = format!("{}/", dir.display());
    faults.iter().map(|f| f.to_string().replace(&prefix, "")).collect()
}

fn sheet() -> (tempfile::TempDir, Pack) {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "pack.toml", GOOD);
    put(dir.path(), "opportunities.sql", "-- deals\nSELECT id AS opportunity_id FROM deals");
    let pack = Pack::load(dir.path()).unwrap();
    (dir, pack)
}

#[test]
fn a_pack_is_loaded_with_its_queries_in_the_order_of_the_layout() {
    let (dir, pack) = sheet();
    assert_eq!((pack.name.as_str(), pack.time_zone.as_deref(), pack.day_first), ("sheet", None, DayFirstRule::Detect));
    assert_eq!(pack.date_columns, [("deals".to_owned(), "opened".to_owned())]);
    assert_eq!(pack.losses.iter().map(|l| l.what.as_str()).collect::<Vec<_>>(), ["second", "first"]);
    assert_eq!(pack.files.iter().map(|f| f.required).collect::<Vec<_>>(), [true, false]);
    put(dir.path(), "accounts.sql", "WITH a AS (SELECT 1) SELECT * FROM a");
    put(dir.path(), "stage_changes.sql", "/* not */ SELECT 1");
    let told = shown(&Pack::load(dir.path()).unwrap_err(), dir.path());
    assert_eq!(told, ["stage_changes.sql: must hold one query that begins with SELECT or WITH"]);
    std::fs::remove_file(dir.path().join("stage_changes.sql")).unwrap();
    let pack = Pack::load(dir.path()).unwrap();
    assert_eq!(pack.queries.iter().map(|q| q.table.as_str()).collect::<Vec<_>>(), ["accounts", "opportunities"]);
}

#[test]
fn all_faults_of_a_pack_are_told_at_once_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = "[pack]\nname = \"My Pack\"\ntitel = \"x\"\ndescription = 5\nsource = \" \"\n\n[[file]]\ntabel = \"deals\"\npath = \"../deals.csv\"\n\
                    required = \"yes\"\ncolumns = [\"id\", \"id\", 3]\n\n[dates]\nday_first = \"maybe\"\ncolumns = [\"deals.x\"]\n\n[lossses]\nx = \"y\"\n\n\
                    [[left_out]]\nwhat = \"x\"\nwhy = \"y\"\n";
    put(dir.path(), "pack.toml", manifest);
    put(dir.path(), "deals.sql", "SELECT 1");
    put(dir.path(), "zebra.sql", "SELECT 1");
    put(dir.path(), "people.sql", "-- SELECT\nDELETE FROM x");
    let told = shown(&Pack::load(dir.path()).unwrap_err(), dir.path());
    assert_eq!(
        told,
        [
            "deals.sql: is not named like a table of the record; did you mean opportunities.sql?",
            "pack.toml:1: pack.title: is missing; add title = \"My CRM\" (character 1)",
            "pack.toml:2: pack.name: must be lower-case letters, digits and _, such as my_crm (character 8)",
            "pack.toml:3: pack.titel: is no setting of a pack; did you mean title? (character 1)",
            "pack.toml:4: pack.description: must be a text in quotes, but is of type integer (character 15)",
            "pack.toml:5: pack.source: must not be blank (character 10)",
            "pack.toml:7: file.table: is missing; add table = \"deals\", its name in the SQL (character 1)",
            "pack.toml:8: file.tabel: is no setting of a pack; did you mean table? (character 1)",
            "pack.toml:9: file.path: must lie in the folder that is imported; write / between folders (character 8)",
            "pack.toml:10: file.required: must be true or false, but is of type string (character 12)",
            "pack.toml:11: file.columns: names id twice (character 18)",
            "pack.toml:11: file.columns: must be a list of texts, but is of type integer (character 24)",
            "pack.toml:14: dates.day_first: must be true, false or \"detect\", but is of type string (character 13)",
            "pack.toml:15: dates.columns: deals.x is no column of a [[file]]; write table.column (character 11)",
            "pack.toml:17: lossses: is no setting of a pack; did you mean losses? (character 2)",
            "pack.toml:20: left_out.rows: is missing; add a query of their _file and _line (character 1)",
            "people.sql: must hold one query that begins with SELECT or WITH",
            "zebra.sql: is not named like a table of the record",
        ]
    );
}

#[test]
fn a_manifest_that_is_no_toml_is_told_with_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "pack.toml", "[pack]\nname = sheet\ntitle = \"x\ndescription = \"y\"\n");
    put(dir.path(), "people.sql", "select 1");
    let told = Pack::load(dir.path()).unwrap_err();
    let lines: Vec<u64> = told.iter().map(|f| f.line).collect();
    assert!(lines.contains(&2) && lines.contains(&3), "{told:#?}");
    put(dir.path(), "pack.toml", "");
    let told = shown(&Pack::load(dir.path()).unwrap_err(), dir.path());
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("file: is missing") && told[1].contains("pack: is missing"), "{told:#?}");
}

#[test]
fn a_pack_that_is_not_there_is_told_with_those_that_are() {
    let shelf = Shelf::new(None);
    let found = shelf.find("maven_cmr").unwrap_err();
    let told = found[0].to_string();
    assert!(told.starts_with("maven_cmr: there is no such pack; did you mean maven_crm? Packs here: "), "{told}");
    assert!(told.contains("example, "), "{told}");
    assert_eq!(shelf.find("example").unwrap().name, "example");
    assert_eq!(shelf.find(packs().join("example").to_str().unwrap()).unwrap().name, "example");
    let missing = Pack::load(&packs().join("exampel")).unwrap_err();
    assert!(missing[0].reason.contains("did you mean example?"), "{missing:?}");
    let none = Pack::load(&packs()).unwrap_err();
    assert!(none[0].reason.contains("it has no pack.toml"), "{none:?}");
}

#[test]
fn every_pack_of_the_repository_loads_under_its_own_name() {
    let names = pack_names(&packs());
    assert!(names.len() >= 2);
    for name in names {
        let pack = Pack::load(&packs().join(&name)).unwrap();
        assert_eq!(pack.name, name);
        assert!(!pack.losses.is_empty(), "{name}: say what the source cannot give");
    }
}

#[test]
fn files_are_found_in_folders_and_by_name() {
    let (_dir, pack) = sheet();
    let data = tempfile::tempdir().unwrap();
    let root = data.path();
    put(root, "Deals-10.csv", "id,opened,other\n1,2/1/2025,x\n");
    put(root, "deals-9.csv", "other,opened,id\nx,1/2/2025,2\n");
    put(root, "notes.csv", "a\n1\n");
    put(root, "old/deals.csv", "id,opened\n3,3/1/2025\n");
    let found = pack.match_files(&[root.to_owned()]).unwrap();
    let (files, left_out) = found;
    let tables: Vec<(usize, String)> =
        files.iter().map(|(entry, s)| (*entry, s.path.file_name().unwrap().to_string_lossy().into_owned())).collect();
    assert_eq!(tables, [(0, "deals-9.csv".to_owned()), (0, "Deals-10.csv".to_owned())]);
    assert_eq!(left_out, [root.join("notes.csv").display().to_string(), root.join("old").display().to_string()]);
    assert_eq!(pack.match_files(&[root.join("old/deals.csv")]).unwrap().0.len(), 1);
    assert_eq!(pack.match_files(&[root.join("*/deals.csv"), root.to_owned(), root.to_owned()]).unwrap().0.len(), 3);

    let input = pack.read(&[root.to_owned()], &Silent).unwrap();
    assert_eq!(input.tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["deals", "deals", "extra", "settings"]);
    assert_eq!(headers(&input.tables[0]), ["other", "opened", "id", "note"]);
    assert_eq!(rows(&input.tables[0]), ["2: x | 1/2/2025 | 2 | -"]);
    assert_eq!((headers(&input.tables[2]), input.tables[2].rows()), (vec!["x"], 0));
    assert_eq!(input.day_first, DayFirst::No);
    let told = |text: &str| assert!(input.notes.iter().any(|n| n.contains(text)), "{text}: {:?}", input.notes);
    told("no date of opened tells whether the day or the month comes first");
    told("left out, as the pack sheet does not read them");
    told("not there, and empty: deals.note, extra");
}

#[test]
fn missing_files_and_columns_are_told_at_once() {
    let (_dir, pack) = sheet();
    let data = tempfile::tempdir().unwrap();
    let root = data.path();
    let missing = pack.match_files(&[root.to_owned()]).unwrap_err();
    assert_eq!(missing[0].to_string(), "deals*.csv: the pack sheet needs this table with the columns id, opened; name the file, or the folder that it is in");
    put(root, "deals.csv", "Ids,open\n1,2\n");
    put(root, "deals-2.csv", b"PK\x03\x04....[Content_Types].xml");
    put(root, "extra.csv", "y\n1\n");
    let told = shown(&pack.match_files(&[root.to_owned()]).unwrap_err(), root);
    assert_eq!(
        told,
        [
            "deals-2.csv: is a workbook that cannot be read; it may have a password or be cut short; save it as XLSX",
            "deals.csv:1: id: this column is missing; did you mean Ids? The file has Ids, open",
            "deals.csv:1: opened: this column is missing; did you mean open? The file has Ids, open",
            "extra.csv:1: x: this column is missing; did you mean y? The file has y",
        ]
    );
    assert_eq!(shown(&pack.read(&[root.to_owned()], &Silent).unwrap_err(), root), told);
    let told = shown(&pack.match_files(&[root.join("deels.csv"), root.join("none")]).unwrap_err(), root);
    assert_eq!(told.len(), 2, "{told:#?}");
    put(root, "deel.csv", "id,opened\n");
    let told = shown(&pack.match_files(&[root.join("deel.csv")]).unwrap_err(), root);
    assert!(told[0].starts_with("deel.csv: is not read by the pack sheet; it reads deals*.csv, extra.csv"), "{told:#?}");
}

#[test]
fn the_order_of_days_comes_from_the_dates_and_must_be_one() {
    let (_dir, pack) = sheet();
    let data = tempfile::tempdir().unwrap();
    let root = data.path();
    put(root, "deals.csv", "id,opened\n1,1/2/2025\n2,31/1/2025\n");
    let input = pack.read(&[root.to_owned()], &Silent).unwrap();
    assert_eq!(input.day_first, DayFirst::Yes);
    assert_eq!(input.notes, ["not there, and empty: deals.note, extra"]);
    put(root, "deals-2.csv", "id,opened\n3,1/31/2025\n");
    let told = shown(&pack.read(&[root.to_owned()], &Silent).unwrap_err(), root);
    assert_eq!(told.len(), 1);
    assert!(told[0].starts_with("deals.csv: opened: has dates with the day first, but opened of "), "{told:?}");
}

#[test]
fn the_example_reads_its_dirty_fixtures() {
    let pack = Pack::load(&packs().join("example")).unwrap();
    let input = pack.read(&[packs().join("example/fixtures")], &Silent).unwrap();
    let (contacts, deals) = (&input.tables[0], &input.tables[1]);
    assert_eq!((contacts.rows(), deals.rows()), (12, 11));
    assert_eq!(headers(contacts), ["Contact ID", "Company", "Name", "E-Mail", "Source", "Created", "Country"]);
    assert_eq!(rows(contacts)[4], "6: C-05 | Café Lumière | Marc \"le Grand\" Roux | marc@lumiere.example | NULL | 17/11/2025 | FR");
    assert_eq!(rows(deals)[1], "3: D-02 | Brøndby Maskiner | C-03 | Lost | 8.000,00 € | Kim | 12/11/2025 | 05/12/2025 | Price; chose another vendor");
    assert_eq!(faults(deals).len(), 1);
    assert!(faults(deals)[0].ends_with("deals.csv:12: has 6 cells, but the header has 9"), "{:?}", faults(deals));
    assert_eq!(input.day_first, DayFirst::Yes);
    assert_eq!(input.notes.len(), 1, "{:?}", input.notes);
    assert!(input.notes[0].contains("Windows-1252"));
}
