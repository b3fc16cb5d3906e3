//! Wrong input gets a clear error and loses nothing.

use crate::home::{Home, run, treaty};

#[test]
fn a_folder_that_is_no_home_says_how_to_make_one() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let r = run(treaty().arg("-C").arg(dir.path()).arg("review"));
    assert_eq!(r.code, 2);
    assert!(r.err.contains("is no home") && r.err.contains("treaty init"), "{}", r.err);
}

#[test]
fn an_empty_record_says_what_to_do() {
    let home = Home::new(None);
    let r = home.run(&["review"]);
    assert_eq!(r.code, 2);
    assert!(r.err.contains("empty") && r.err.contains("import"), "{}", r.err);
}

#[test]
fn a_missing_column_refuses_the_whole_import() {
    let home = Home::new(None);
    home.file("accounts.csv", "account_id,name\nA1,Acme\n");
    home.file("people.csv", "person,created_at\nP1,2025-01-01\n");
    let r = home.run(&["import", home.data().to_str().expect("a path")]);
    assert_ne!(r.code, 0);
    let told = r.out + &r.err;
    assert!(told.contains("people.csv") && told.contains("person_id"), "{told}");
    let n = home.run(&["log"]).out.lines().count();
    assert_eq!(n, 1, "nothing may land");
}

#[test]
fn bad_cells_are_listed_with_file_line_column_and_reason() {
    let home = Home::new(None);
    home.file("people.csv", "person_id,created_at\nP1,2025-01-01\nP2,soon\n,2025-01-03\nP4,2025-02-30\n");
    home.file("stage_changes.csv", "subject_type,subject_id,changed_at,stage\nperson,P1,2025-01-02,mql\nperson,P1,2025-01-03,bogus\nrobot,P1,2025-01-03,mql\n");
    let r = home.run(&["import", home.data().to_str().expect("a path")]);
    assert_eq!(r.code, 1, "{}", r.err);
    for part in ["people.csv:3: created_at", "people.csv:4: person_id", "people.csv:5: created_at", "stage_changes.csv:3: stage", "stage_changes.csv:4: subject_type"] {
        assert!(r.out.contains(part), "{part}\n{}", r.out);
    }
    assert!(r.out.contains("bogus") && r.out.contains("mql"), "{}", r.out);
    let n = home.ok(&["query", "SELECT count(*) AS n FROM record_people", "--format", "csv"]);
    assert_eq!(n.trim(), "n\n1");
}

#[test]
fn one_key_with_two_contents_keeps_one_whatever_the_order() {
    let kept = |rows: &str| {
        let home = Home::new(None);
        home.file("accounts.csv", &format!("account_id,name\n{rows}"));
        let r = home.run(&["import", home.data().to_str().expect("a path")]);
        assert_eq!(r.code, 1, "{}", r.out);
        home.ok(&["query", "SELECT name FROM record_accounts", "--format", "csv"])
    };
    let (a, b) = (kept("A1,Acme\nA1,Bolt\n"), kept("A1,Bolt\nA1,Acme\n"));
    assert_eq!(a, b);
}

#[test]
fn an_empty_file_is_an_error() {
    let home = Home::new(None);
    home.file("people.csv", "");
    let r = home.run(&["import", home.data().to_str().expect("a path")]);
    assert_ne!(r.code, 0);
    assert!((r.out + &r.err).contains("people.csv"));
}

#[test]
fn ten_faults_are_told_at_once() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/agreement.toml")).expect("the file");
    let bad = text
        .replace("effective_from = 2020-01-01", "effective_from = 2020-13-01")
        .replace("currency = \"USD\"", "currency = \"DOLLAR\"")
        .replace("time_zone = \"UTC\"", "time_zone = \"Mars/Olympus\"")
        .replace("owner = \"marketing\"\ndefinition = \"A person", "owner = \"finance\"\ndefinition = \"A person")
        .replace("id = \"mql\"", "id = \"lead\"")
        .replace("forecast = \"commit\"", "forecast = \"surely\"")
        .replace("within = \"60m\"", "within = \"soon\"")
        .replace("share = 0.95", "share = 1.95")
        .replace("half_life_days = 7", "half_life_days = 0")
        .replace("people = \"account\"", "poeple = \"account\"");
    let home = Home::new(Some(&bad));
    let r = home.run(&["check"]);
    assert_eq!(r.code, 1, "{}", r.err);
    let faults = r.out.lines().filter(|l| l.contains("agreement.toml:") && !l.contains("draft")).count();
    assert!(faults >= 10, "{faults} faults:\n{}", r.out);
    assert!(r.out.contains("did you mean"), "{}", r.out);
}

#[test]
fn wrong_words_on_the_command_line_are_explained() {
    let home = Home::new(None);
    home.file("people.csv", "person_id,created_at\nP1,2025-01-01\n");
    home.import();
    for (args, part) in [
        (vec!["report", "sorces"], "there is no report `sorces`"),
        (vec!["report", "sources", "--by", "colour"], "`colour` is no dimension"),
        (vec!["report", "sources", "--where", "colour = 1"], "colour"),
        (vec!["report", "sources", "--where", "(select 1) = 1"], "sub-query"),
        (vec!["report", "funnel", "--period", "2026-Q9"], "2026-Q9"),
        (vec!["review", "--as-of", "yesterday"], "yesterday"),
        (vec!["metric", "explain", "conversion_rat"], "did you mean `conversion_rate`"),
        (vec!["query", "DROP TABLE leads"], ""),
        (vec!["query", "INSERT INTO leads VALUES (1)"], ""),
    ] {
        let r = home.run(&args);
        assert_eq!(r.code, 2, "{args:?}: {}", r.out);
        assert!(r.err.starts_with("error: ") && r.err.contains(part), "{args:?}: {}", r.err);
    }
}

#[test]
fn a_column_that_is_there_twice_is_kept_under_a_name_of_its_own() {
    let home = Home::new(None);
    home.file("people.csv", "person_id,created_at,email,offer,Email,offer\nP1,2025-01-01,a@x.example,one,b@x.example,two\n");
    let out = home.import();
    for part in ["columns 3 and 5 differ only by case: Email; the second is called Email_2", "columns 4 and 6 are both called offer; the second is called offer_2"] {
        assert!(out.contains(part), "{part}\n{out}");
    }
    let sql = "SELECT email, attr(attributes, 'Email_2') AS other, attr(attributes, 'offer') AS offer, attr(attributes, 'offer_2') AS second FROM record_people";
    assert_eq!(home.ok(&["query", sql, "--format", "csv"]), "email,other,offer,second\na@x.example,b@x.example,one,two\n");
}

#[test]
fn a_deal_that_was_closed_before_it_was_created_is_kept_as_it_is() {
    let home = Home::new(None);
    home.file("opportunities.csv", "opportunity_id,created_at,amount\nO1,2025-03-01T10:00:00Z,100\n");
    home.file("stage_changes.csv", "subject_type,subject_id,changed_at,stage\nopportunity,O1,2025-02-01T10:00:00Z,won\n");
    let out = home.import();
    assert!(out.contains("Record version 1."), "{out}");
    let sql = "SELECT won, created_at > won_at AS backwards FROM opportunities";
    assert_eq!(home.ok(&["query", sql, "--as-of", "2025-12-31", "--format", "csv"]), "won,backwards\ntrue,true\n");
}
