//! From paths to files.

use crate::put;
use std::path::{Path, PathBuf};
use treaty_intake::{SourceFile, by_layout, scan};

fn found(paths: &[&Path]) -> Vec<SourceFile> {
    scan(&paths.iter().map(|p| p.to_path_buf()).collect::<Vec<_>>()).unwrap()
}

fn refused(paths: &[&Path]) -> Vec<String> {
    let error = scan(&paths.iter().map(|p| p.to_path_buf()).collect::<Vec<_>>()).unwrap_err();
    assert_eq!(error.to_string().lines().count(), error.faults.len());
    error.faults.iter().map(ToString::to_string).collect()
}

/// `table format path-below-the-folder`.
fn shown(files: &[SourceFile], dir: &Path) -> Vec<String> {
    files
        .iter()
        .map(|f| {
            assert_eq!(f.display, f.path.display().to_string());
            format!("{} {:?} {}", f.table, f.format, f.path.strip_prefix(dir).unwrap().display())
        })
        .collect()
}

#[test]
fn a_folder_gives_its_tables_their_parts_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for name in [
        "people.csv", "People-2.csv", "people.part-0010.csv", "people.part-9.csv", "stage changes.tsv", "spend.txt",
        "variants/people.csv", ".hidden.csv", "_SUCCESS", "README.md", "notes.txt", "deals.csv", "users/a.csv",
    ] {
        put(root, name, "id\n1\n");
    }
    put(root, "touchpoints/part-0.parquet", b"PAR1xxxxPAR1");
    put(root, "touchpoints/part-1.snappy.parquet", b"PAR1xxxxPAR1");
    put(root, "accounts.json", "[{\"account_id\":1}]");
    put(root, "campaigns.jsonl", "{\"campaign_id\":1}\n");
    put(root, "content.csv", "{\"content_id\":1}\n");
    put(root, "merges.csv", b"PAR1xxxxPAR1");
    put(root, "purchases.csv", "[account],amount\n1,2\n");
    let files = found(&[root]);
    assert_eq!(
        shown(&files, root),
        [
            "accounts Json accounts.json",
            "campaigns JsonLines campaigns.jsonl",
            "content JsonLines content.csv",
            "deals Csv deals.csv",
            "merges Parquet merges.csv",
            "people Csv People-2.csv",
            "people Csv people.csv",
            "people Csv people.part-9.csv",
            "people Csv people.part-0010.csv",
            "purchases Csv purchases.csv",
            "spend Csv spend.txt",
            "stage_changes Csv stage changes.tsv",
            "touchpoints Parquet touchpoints/part-0.parquet",
            "touchpoints Parquet touchpoints/part-1.snappy.parquet",
            "users Csv users/a.csv",
        ]
    );
    let sorted = by_layout(files);
    assert_eq!((sorted.known.len(), sorted.unknown.len()), (14, 1));
    assert_eq!(sorted.unknown[0].suggestion, Some("opportunities"));
    let fault = sorted.unknown[0].fault().to_string();
    assert!(fault.ends_with("deals is no table of the record; did you mean opportunities? Rename the file, or import it with a pack (--pack)"), "{fault}");
    assert_eq!(found(&[&root.join("touchpoints")]), found(&[&root.join("touchpoints/*.parquet")]));
}

#[test]
fn files_patterns_and_folders_together_name_each_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for name in ["people.csv", "a/accounts-2.csv", "a/accounts-10.csv", "b/accounts.csv"] {
        put(root, name, "id\n1\n");
    }
    let files = found(&[root, &root.join("people.csv"), &root.join("*/accounts*.csv"), &root.join("PEOPLE.*")]);
    assert_eq!(
        shown(&files, root),
        ["accounts Csv a/accounts-2.csv", "accounts Csv a/accounts-10.csv", "accounts Csv b/accounts.csv", "people Csv people.csv"]
    );
    assert_eq!(found(&[&root.join("?")]).len(), 3);
}

#[test]
fn every_path_that_cannot_be_taken_is_told_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    std::fs::create_dir(root.join("empty")).unwrap();
    put(root, "people.csv", b"PK\x03\x04....[Content_Types].xml");
    put(root, "users.csv.gz", b"\x1f\x8b\x08\0");
    put(root, "spend.parquet", "id\n");
    put(root, "content.json", "id\n");
    put(root, "lake/_delta_log/0.json", "{}");
    put(root, "accounts/year=2025/x.parquet", b"PAR1");
    let [data, none, pattern, empty, lake, accounts, people] =
        ["", "peeple.csv", "x*.csv", "empty", "lake", "accounts", "people.csv"].map(|n| root.join(n));
    let told = refused(&[&data, &none, &pattern, &empty, &lake, &accounts, &people]);
    let expected = [
        ("accounts/year=2025", "folders in the folder of a table are not read"),
        ("content.json", "is not JSON"),
        ("people.csv", "is really an Excel workbook (XLSX)"),
        ("spend.parquet", "is not a Parquet file"),
        ("users.csv.gz", "is compressed with gzip; unpack it first"),
        ("peeple.csv", "there is no such file or folder; did you mean"),
        ("x*.csv", "no file fits this pattern"),
        ("empty", "the folder holds no CSV, JSON or Parquet file"),
        ("lake", "is a Delta Lake table"),
        ("accounts/year=2025", "folders in the folder of a table are not read"),
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, (file, words)) in told.iter().zip(expected) {
        assert!(told.contains(file) && told.contains(words), "{told} / {file} / {words}");
    }
    assert!(told[5].ends_with("people.csv?"), "{}", told[5]);
    assert!(scan(&[]).unwrap_err().to_string().contains("name at least one"));
}

#[test]
fn a_relative_path_is_shown_as_it_was_named() {
    let here: PathBuf = PathBuf::from("./tests/it/../it");
    let error = scan(std::slice::from_ref(&here)).unwrap_err();
    assert_eq!(error.faults[0].file, "./tests/it/../it");
    let files = scan(&[PathBuf::from("../../packs/example/fixtures")]).unwrap();
    assert_eq!(files[0].display, "../../packs/example/fixtures/contacts.csv");
}
