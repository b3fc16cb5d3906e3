//! Sources other than text files, through the real binary.

use crate::home::{Home, treaty};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const DATABASE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/fixtures/crm.db");

#[test]
fn a_database_is_imported_by_the_names_of_its_tables() {
    let home = Home::new(None);
    for named in [DATABASE.to_owned(), format!("sqlite:{DATABASE}")] {
        let out = home.ok(&["import", &named, "--pack", "native", "--dry-run"]);
        assert!(out.lines().any(|l| l.split_whitespace().take(3).eq(["accounts", "2", "2"])), "{out}");
        assert!(out.contains("note: left out: no tables of the record: ") && out.contains("crm.db#settings"), "{out}");
    }
    home.ok(&["import", DATABASE, "--pack", "native"]);
    assert_eq!(home.ok(&["query", "SELECT name FROM record_accounts ORDER BY 1", "--format", "csv"]).trim(), "name\nBirch Foods\nCedar Tools");
    let again = home.ok(&["import", DATABASE, "--pack", "native"]);
    assert!(again.contains("Nothing changed"), "{again}");
}

#[test]
fn a_pack_makes_the_same_of_a_database_as_of_the_files() {
    let pack = format!("{ROOT}/packs/example");
    let all = |source: &str| {
        let home = Home::new(None);
        home.run(&["import", source, "--pack", &pack]);
        home.ok(&["query", "SELECT opportunity_id, name, amount, created_at FROM record_opportunities ORDER BY 1", "--format", "csv"])
    };
    let files = all(&format!("{ROOT}/packs/example/fixtures"));
    assert!(files.lines().count() > 5, "{files}");
    assert_eq!(all(DATABASE), files);
}

#[test]
fn a_password_is_in_no_message_and_not_in_the_log() {
    let home = Home::new(None);
    for scheme in ["postgres", "mysql", "ftp"] {
        let r = home.run(&["import", &format!("{scheme}://reader:s3cret@127.0.0.1:1/crm"), "--dry-run"]);
        assert_eq!(r.code, 2, "{}\n{}", r.out, r.err);
        let said = format!("{}{}", r.out, r.err);
        assert!(said.contains("127.0.0.1:1/crm") && said.contains("nothing was imported") && !said.contains("s3cret"), "{said}");
    }
}

#[test]
fn an_object_store_that_is_not_there_is_told() {
    let home = Home::new(None);
    let r = crate::home::run(
        treaty()
            .arg("-C")
            .arg(home.path())
            .args(["import", "s3://crm/export"])
            .env("AWS_ENDPOINT", "http://127.0.0.1:1")
            .env("AWS_ACCESS_KEY_ID", "reader")
            .env("AWS_SECRET_ACCESS_KEY", "s3cret"),
    );
    assert_eq!(r.code, 2, "{}\n{}", r.out, r.err);
    assert!(r.err.contains("s3://crm/export: cannot be read: ") && !r.err.contains("s3cret"), "{}", r.err);
}

#[test]
fn what_a_folder_has_beside_its_tables_is_told() {
    let home = Home::new(None);
    home.file("accounts.csv", "Accounts as of today\naccount_id,name,created_at\nA1,Birch,2026-01-05\n");
    home.file("readme.md", "x");
    std::fs::create_dir_all(home.data().join("old")).expect("a folder");
    std::fs::copy(home.data().join("accounts.csv"), home.data().join("old/accounts.csv")).expect("a copy");
    let out = home.import();
    for words in ["not data by their names: readme.md", "old/accounts.csv: accounts is read from the folder above", "the column names are in line 2"] {
        assert!(out.contains(words), "{words}: {out}");
    }
}
