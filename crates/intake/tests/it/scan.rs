//! From paths to files.

use crate::put;
use std::path::{Path, PathBuf};
use treaty_intake::{SourceFile, by_layout, find, scan};

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
    let [data, none, pattern, empty, accounts, people] =
        ["", "peeple.csv", "x*.csv", "empty", "accounts", "people.csv"].map(|n| root.join(n));
    let told = refused(&[&data, &none, &pattern, &empty, &accounts, &people]);
    let expected = [
        ("accounts/year=2025", "is a folder of a partition"),
        ("content.json", "is not JSON"),
        ("people.csv", "is a workbook that cannot be read"),
        ("spend.parquet", "is not a Parquet file"),
        ("users.csv.gz", "ends in the middle"),
        ("peeple.csv", "there is no such file or folder; did you mean"),
        ("x*.csv", "no file fits this pattern"),
        ("empty", "the folder holds no CSV, JSON, Parquet or workbook file"),
        ("accounts/year=2025", "is a folder of a partition"),
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
    let here: PathBuf = PathBuf::from("./tests/../src");
    let error = scan(std::slice::from_ref(&here)).unwrap_err();
    assert_eq!(error.faults[0].file, "./tests/../src");
    let files = scan(&[PathBuf::from("../../packs/example/fixtures")]).unwrap();
    assert_eq!(files[0].display, "../../packs/example/fixtures/contacts.csv");
}

#[test]
fn folders_are_searched_to_their_ground_and_the_uppermost_wins() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    for name in ["2026/may/people.csv", "2026/may/old/people.csv", "2026/accounts.csv", "2026/may/notes.md", "2026/~$people.xlsx"] {
        put(root, name, "id\n1\n");
    }
    put(root, "lake/users/_delta_log/0.json", "{}");
    put(root, "lake/users/part-0.parquet", b"PAR1");
    put(root, "lake/touchpoints/day/part-0.parquet", b"PAR1xxxxPAR1");
    let found = find(&[root.to_path_buf()]).unwrap();
    assert_eq!(
        shown(&found.files, root),
        [
            "accounts Csv 2026/accounts.csv",
            "people Csv 2026/may/people.csv",
            "touchpoints Parquet lake/touchpoints/day/part-0.parquet",
            "users Delta lake/users",
        ]
    );
    let left = found.left_out.join("\n");
    assert!(left.contains("may/old/people.csv: people is read from the folder above"), "{left}");
    assert!(left.contains("not data by their names: notes.md"), "{left}");
    let deep = [root.join("**/old/*.csv")];
    assert_eq!(shown(&scan(&deep).unwrap(), root), ["people Csv 2026/may/old/people.csv"]);
}

#[test]
fn packed_files_are_called_by_what_is_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    put(root, "people.csv.gz", crate::packed::gzip(b"person_id\n1\n"));
    put(root, "users.jsonl.zst", zstd::encode_all(&b"{\"user_id\":1}\n"[..], 3).unwrap());
    put(root, "export.zip", crate::packed::zip(&[("data/accounts.csv", b"account_id\n1\n"), ("README.md", b"x"), ("__MACOSX/._accounts.csv", b"x")]));
    put(root, "spend.zip", crate::packed::zip(&[("report.csv", b"spend_id\n1\n")]));
    let files = found(&[root]);
    let names: Vec<String> = files.iter().map(|f| format!("{} {:?} {}", f.table, f.format, f.display.replace(&format!("{}/", root.display()), ""))).collect();
    assert_eq!(
        names,
        [
            "accounts Csv export.zip/data/accounts.csv",
            "people Csv people.csv.gz",
            "spend Csv spend.zip/report.csv",
            "users JsonLines users.jsonl.zst",
        ]
    );
    let rows: Vec<String> = files.iter().flat_map(|f| crate::rows(&treaty_intake::read(f, &treaty_app::import::Silent).unwrap().table)).collect();
    assert_eq!(rows, ["2: 1", "2: 1", "2: 1", "1: 1"]);
}

#[test]
fn an_archive_that_cannot_be_read_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let rows: String = (0..20_000_u64).map(|i| format!("{i},{}\n", i.wrapping_mul(6_364_136_223_846_793_005))).collect();
    let whole = crate::packed::gzip(format!("person_id,name\n{rows}").as_bytes());
    put(root, "people.csv.gz", &whole[..whole.len() / 2]);
    let cut = found(&[&root.join("people.csv.gz")]);
    let fault = treaty_intake::read(&cut[0], &treaty_app::import::Silent).unwrap_err();
    assert!(fault.reason.contains("cut short"), "{fault}");
    put(root, "users.zip", crate::packed::zip(&[("x.parquet", b"PAR1xxxxPAR1")]));
    put(root, "spend.zip", crate::packed::zip(&[("notes.md", b"x")]));
    put(root, "content.zip", b"PK\x03\x04 and no more");
    for (name, words) in [("users.zip", "packed Parquet"), ("spend.zip", "without a data file"), ("content.zip", "ZIP archive that cannot be read")] {
        let told = refused(&[&root.join(name)]);
        assert!(told[0].contains(words), "{told:?}");
    }
}
