//! One person from several systems, through the real binary.

use crate::home::{Home, rows};

fn leads(home: &Home, more: &[&str]) -> String {
    let mut args = vec!["sources", "--as-of", "2025-12-31"];
    args.extend(more);
    home.report(&args).last().expect("a total")["leads"].clone()
}

/// A CRM and a marketing tool that know the same people.
fn two_systems() -> Home {
    let home = Home::new(None);
    home.file("accounts.csv", "account_id,name,domain,created_at\nA1,Acme Inc,acme.com,2025-01-01\nA2,ACME,https://www.acme.com,2025-01-02\n");
    home.file(
        "people.csv",
        "person_id,account_id,email,name,phone,country,created_at,lead_source,sfdcLeadId\n\
         crm:1,A1,ann.lee@acme.com,Ann Lee,,US,2025-02-01,web,\n\
         mkt:1,,Ann.Lee+x@Acme.com,Ann Lee,,US,2025-01-15,ads,\n\
         crm:2,A1,tom@acme.com,Tom Wood,(415) 555-2671,US,2025-02-02,web,\n\
         mkt:2,,tom.wood@gmail.com,\"Wood, Tom\",+14155552671,US,2025-02-03,ads,\n\
         mkt:3,,x@gmail.com,X,,US,2025-02-04,ads,crm:2\n\
         mkt:4,,info@acme.com,Front Desk,,US,2025-02-05,ads,\n\
         mkt:5,,eve@beta.co.uk,Eve Park,,GB,2025-02-06,web,\n\
         mkt:6,,mm@mailinator.com,Mickey Mouse,,US,2025-02-07,web,\n",
    );
    home.file("touchpoints.csv", "touchpoint_id,person_id,occurred_at,channel\nT1,mkt:2,2025-03-01T10:00:00Z,email\nT2,crm:2,2025-03-02T10:00:00Z,email\n");
    home
}

#[test]
fn people_of_two_systems_become_one_and_the_log_says_so() {
    let home = two_systems();
    home.import();
    assert_eq!(leads(&home, &[]), "8");
    let dry = home.ok(&["identity", "--dry-run"]);
    assert!(dry.contains("3 people would be merged into others (1 by id, 1 by e-mail, 1 by phone and name), 1 accounts"), "{dry}");
    assert!(dry.contains("Dry run: nothing was written."), "{dry}");
    assert_eq!(leads(&home, &[]), "8");
    let out = home.ok(&["identity"]);
    assert!(out.contains("Record version 2."), "{out}");
    assert_eq!(leads(&home, &[]), "5");
    let again = home.ok(&["identity"]);
    assert!(again.contains("identity: 0 people merged"), "{again}");
    // The touches of both ids are those of the one that stays, and the account is known by the domain.
    let touches = home.ok(&["query", "SELECT person_id, account_id FROM leads ORDER BY person_id", "--as-of", "2025-12-31", "--format", "csv"]);
    let all: Vec<(String, String)> = rows(&touches).into_iter().map(|r| (r["person_id"].clone(), r["account_id"].clone())).collect();
    let want = [("crm:2", "A1"), ("mkt:1", "A1"), ("mkt:4", "A1"), ("mkt:5", "beta.co.uk"), ("mkt:6", "")];
    assert_eq!(all, want.map(|(a, b)| (a.to_owned(), b.to_owned())));
    // A merge holds from the day on which both were there.
    let before = home.report(&["sources", "--as-of", "2025-01-31"]);
    assert_eq!(before.last().expect("a total")["leads"], "1");
    let reason = home.ok(&["query", "SELECT attr(attributes, 'reason') AS reason, attr(attributes, 'source') AS source FROM record_merges WHERE from_id = 'crm:1'", "--format", "csv"]);
    assert_eq!(reason.trim(), "reason,source\ne-mail ann.lee@acme.com,identity");
    let log = home.ok(&["log"]);
    assert!(log.contains("identity"), "{log}");
    home.ok(&["undo"]);
    assert_eq!(leads(&home, &[]), "8");
}

#[test]
fn a_merge_is_taken_back_for_good_and_can_be_made_again() {
    let home = two_systems();
    home.import();
    home.ok(&["identity"]);
    let out = home.ok(&["identity", "unmerge", "mkt:2", "crm:2"]);
    assert!(out.contains("decision"), "{out}");
    assert_eq!(leads(&home, &[]), "6");
    home.ok(&["identity"]);
    assert_eq!(leads(&home, &[]), "6", "it is remembered");
    assert_eq!(home.run(&["identity", "merge", "mkt:2", "nobody"]).code, 2);
    home.ok(&["identity", "merge", "mkt:2", "crm:2"]);
    assert_eq!(leads(&home, &[]), "5");
}

#[test]
fn likely_fakes_are_counted_with_and_without() {
    let home = two_systems();
    home.import();
    home.ok(&["identity"]);
    let list = home.ok(&["identity", "quarantine"]);
    assert!(list.contains("mkt:6") && list.contains("name of a figure 50") && list.contains("throw-away mailbox 60"), "{list}");
    let report = home.ok(&["report", "sources", "--as-of", "2025-12-31"]);
    let flat = report.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("1 of 5 leads are of people in quarantine"), "{report}");
    assert_eq!(leads(&home, &["--where", "quarantined = 'no'"]), "4");
    let by = home.report(&["sources", "--by", "quarantined", "--as-of", "2025-12-31"]);
    assert!(by.iter().any(|r| r["quarantined"] == "yes" && r["leads"] == "1"), "{by:?}");
    let funnel = home.ok(&["report", "funnel", "--as-of", "2025-12-31"]);
    assert!(funnel.contains("quarantine"), "{funnel}");
    home.ok(&["identity", "clear", "mkt:6"]);
    assert_eq!(leads(&home, &["--where", "quarantined = 'no'"]), "5");
    assert!(!home.ok(&["report", "sources", "--as-of", "2025-12-31"]).contains("quarantine"));
    home.ok(&["identity", "confirm", "mkt:4"]);
    assert_eq!(leads(&home, &["--where", "quarantined = 'yes'"]), "1");
}

#[test]
fn the_review_is_for_people_and_programs() {
    let home = Home::new(None);
    home.file(
        "people.csv",
        "person_id,email,name,created_at\na,jonathan.smith@acme.com,Jonathan Smith,2025-01-01\nb,jonathon.smith@acme.com,Jonathon Smyth,2025-01-02\n\
         c,family@web.de,Ann Lee,2025-01-01\nd,family@web.de,Tom Wood,2025-01-01\n",
    );
    home.import();
    let out = home.ok(&["identity"]);
    assert!(out.contains("1 keys were not followed"), "{out}");
    let list = rows(&home.ok(&["identity", "review", "--format", "csv"]));
    let kinds: Vec<_> = list.iter().map(|r| (r["kind"].as_str(), r["a"].as_str(), r["b"].as_str())).collect();
    assert_eq!(kinds, [("person key", "c", "d"), ("pair", "a", "b")]);
    home.ok(&["identity", "unmerge", "a", "b"]);
    assert_eq!(rows(&home.ok(&["identity", "review", "--format", "csv"])).len(), 1);
}

#[test]
fn imports_through_packs_are_followed_by_identity_and_others_by_wish() {
    let home = two_systems();
    let out = home.import();
    assert!(!out.contains("identity:"), "{out}");
    let home = two_systems();
    std::fs::write(home.path().join("treaty.toml"), "[identity]\nafter_import = \"always\"\nfree_mail = [\"beta.co.uk\"]\n").expect("settings");
    let out = home.import();
    assert!(out.contains("identity: 3 people merged") && out.contains("; record version 2"), "{out}");
    assert_eq!(leads(&home, &["--where", "account_id = 'beta.co.uk'"]), "0");
    let undo = home.ok(&["undo"]);
    assert!(undo.contains("Took back version 1"), "what identity made of the import goes with it: {undo}");
    std::fs::write(home.path().join("treaty.toml"), "[identity]\ncountry = \"Atlantis\"\nmax_cluster = 1\n").expect("settings");
    let check = home.run(&["check"]);
    assert!(check.code == 1 && check.out.contains("`Atlantis` is no country") && check.out.contains("max_cluster"), "{}", check.out);
}
