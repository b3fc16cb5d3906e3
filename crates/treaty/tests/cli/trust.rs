//! Whether the numbers can be trusted: accounting of rows, the check-up, snapshots, health, reconciliation. Dirty data, real
//! binary.

use crate::home::{Home, rows};
use std::collections::BTreeMap;
use std::path::PathBuf;

type Line = BTreeMap<String, String>;

/// Nothing runs after an import, so that its rows are all that is counted.
const ALONE: &str = "[identity]\nafter_import = \"never\"\n";

/// A new home with these settings.
fn alone() -> Home {
    let home = Home::new(None);
    settings(&home, "");
    home
}

/// Writes the settings of a home.
fn settings(home: &Home, text: &str) {
    std::fs::write(home.path().join("treaty.toml"), format!("{ALONE}{text}")).expect("settings");
}

/// Writes a pack of a system with people and opportunities, and gives its folder.
fn pack(home: &Home, name: &str, sql: &[(&str, &str)], more: &str) -> PathBuf {
    let dir = home.dir.path().join("packs").join(name);
    std::fs::create_dir_all(&dir).expect("a folder");
    let manifest = format!(
        "[pack]\nname = \"{name}\"\ntitle = \"{name}\"\ndescription = \"A system of the test.\"\nsource = \"{name}\"\n\n\
         [[file]]\ntable = \"contacts\"\npath = \"{name}*.csv\"\ncolumns = [\"id\"]\noptional_columns = [\"email\", \"name\", \"phone\", \"source\", \"made\"]\n{more}"
    );
    std::fs::write(dir.join("pack.toml"), manifest).expect("a manifest");
    for (table, text) in sql {
        std::fs::write(dir.join(format!("{table}.sql")), text).expect("a query");
    }
    dir
}

const PEOPLE: &str =
    "SELECT id AS person_id, email, name, phone, source AS lead_source, messy_timestamp(made) AS created_at, _file, _line FROM contacts";

fn csv(home: &Home, args: &[&str]) -> Vec<Line> {
    let mut all = args.to_vec();
    all.extend(["--format", "csv"]);
    rows(&home.ok(&all))
}

fn json(home: &Home, args: &[&str]) -> serde_json::Value {
    let mut all = args.to_vec();
    all.extend(["--format", "json"]);
    let r = home.run(&all);
    assert!(r.code < 2, "{args:?}: {}", r.err);
    serde_json::from_str(&r.out).unwrap_or_else(|e| panic!("{args:?}: {e}\n{}", r.out))
}

fn query(home: &Home, sql: &str) -> String {
    home.ok(&["query", sql, "--format", "csv"]).trim().replace('\n', " ")
}

fn sum(of: &serde_json::Value, names: &[&str]) -> u64 {
    names.iter().map(|n| of[*n].as_u64().unwrap_or_else(|| panic!("{n} in {of}"))).sum()
}

#[test]
fn every_row_is_accounted_for_and_refused_rows_can_be_asked_again() {
    let home = alone();
    home.file("people.csv", "person_id,created_at,email\nP1,2025-01-01,a@x.example\nP2,soon,\nP3,2025-01-03,\nP3,2025-01-03,\nP4,2025-01-04,one@x.example\nP4,2025-01-04,two@x.example\nP5\n");
    let data = home.data();
    let path = data.to_str().expect("a path");
    let dry = home.run(&["import", path, "--dry-run"]);
    let real = home.run(&["import", path]);
    assert_eq!((dry.code, real.code), (1, 1), "{}", real.err);
    let before = |text: &str| text.lines().filter(|l| !l.starts_with("Dry run") && !l.starts_with("Record version")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(before(&dry.out), before(&real.out), "a dry run tells the same");

    let told = home.ok(&["log", "1"]);
    for part in ["people.csv:3: created_at", "people.csv:8", "kept is", "Source: native"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let log = json(&home, &["log", "1"]);
    assert_eq!(sum(&log, &["read"]), 7);
    assert_eq!(sum(&log, &["written", "changed", "unchanged", "rejected", "filtered"]), 7, "{log}");
    assert_eq!((log["written"].as_u64(), log["unchanged"].as_u64(), log["rejected"].as_u64()), (Some(3), Some(1), Some(3)), "{log}");
    assert_eq!(log["refused"].as_array().map(Vec::len), Some(3), "{log}");
    let line = home.ok(&["log"]);
    assert!(line.lines().nth(1).is_some_and(|l| l.split_whitespace().filter(|w| *w == "3").count() == 2), "{line}");
    let r = home.run(&["log", "9"]);
    assert!(r.code == 2 && r.err.contains("no version 9"), "{}", r.err);
}

#[test]
fn rows_of_a_pack_are_used_left_out_unreadable_or_told_to_be_silent() {
    let home = alone();
    let more = "\n[[left_out]]\nwhat = \"contacts marked as a test\"\nwhy = \"they are not people\"\nrows = \"SELECT _file, _line FROM contacts WHERE source = 'test'\"\n\n[losses]\nhandoffs = \"The export does not say who was passed to whom; switch on lead routing.\"\n";
    let pack = pack(&home, "crm", &[("people", &format!("{PEOPLE} WHERE source <> 'test' AND name <> 'hidden'"))], more);
    let file = home.file("crm.csv", "id,name,source,made\n1,Ada,web,2025-01-01\n2,Bo,test,2025-01-02\n3,hidden,web,2025-01-03\n4,Cy,web,never\n5\n");
    let r = home.run(&["import", file.to_str().expect("a path"), "--pack", pack.to_str().expect("a path")]);
    assert_eq!(r.code, 1, "{}", r.err);
    assert!(r.out.contains("1 rows were left out of contacts") && r.out.contains("does not say why"), "{}", r.out);
    let log = json(&home, &["log", "1"]);
    let source = &log["details"]["origin"]["sources"][0];
    assert_eq!(sum(source, &["read"]), 5, "{source}");
    assert_eq!(sum(source, &["used", "filtered", "rejected", "silent"]), 5, "{source}");
    assert_eq!([sum(source, &["used"]), sum(source, &["filtered"]), sum(source, &["rejected"]), sum(source, &["silent"])], [2, 1, 1, 1], "{source}");
    assert_eq!(sum(&log, &["read"]), sum(&log, &["written", "changed", "unchanged", "rejected", "filtered"]), "{log}");
    let gaps = csv(&home, &["report", "gaps"]);
    let handoffs = gaps.iter().find(|r| r["table"] == "handoffs").expect("a gap");
    assert!(handoffs["grade"] == "serious" && handoffs["switch_on"].contains("switch on lead routing"), "{handoffs:?}");
}

#[test]
fn the_doctor_says_what_is_missing_and_which_numbers_that_touches() {
    let home = alone();
    home.file("people.csv", "person_id,created_at,lead_source\nP1,2025-01-01,web\nP2,2025-01-02,\nP3,2025-01-02,\nP4,2025-01-02,\n");
    home.file("opportunities.csv", "opportunity_id,created_at,amount\nO1,2025-02-01,100\n");
    home.import();
    let told = home.ok(&["doctor"]);
    for part in ["What is missing", "Which systems", "How much of what happens", "How mature"] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let all = json(&home, &["doctor"]);
    assert!(all["maturity"]["answer"].as_str().is_some_and(|a| a.contains("level 1 of 4") && a.contains("lead source")), "{}", all["maturity"]["answer"]);
    let gaps = csv(&home, &["report", "gaps"]);
    let gap = |table: &str, column: &str| gaps.iter().find(|r| r["table"] == table && r["column"] == column).cloned();
    let handoffs = gap("handoffs", "(no rows)").expect("hand-offs are missing");
    assert!(handoffs["grade"] == "serious" && handoffs["effect"].contains("accept"), "{handoffs:?}");
    let thin = gap("people", "lead_source").expect("a thin column");
    assert!(thin["grade"] == "thin" && thin["filled"] == "0.25" && thin["source"] == "native", "{thin:?}");
    assert!(gap("opportunities", "amount").is_none(), "{gaps:?}");
    let coverage = csv(&home, &["report", "coverage"]);
    let role = coverage.iter().find(|r| r["what"] == "opportunities with a contact role").expect("a line");
    assert_eq!((role["covered"].as_str(), role["of"].as_str(), role["verdict"].as_str()), ("0", "1", "not measurable"));
    assert_eq!(home.run(&["doctor", "--strict"]).code, 1);
}

/// The state of three deals as a CRM without history would show it.
fn state(home: &Home, name: &str, stages: [&str; 3], amount: &str) -> String {
    let rows = format!(
        "opportunity_id,created_at,amount,owner_id,expected_close_on,stage\nO1,2025-01-02,{amount},rep,2026-03-01,{}\nO2,2025-01-03,50,rep,2026-03-01,{}\nO3,2025-01-03,70,rep,2026-03-01,{}\n",
        stages[0], stages[1], stages[2]
    );
    home.file(name, &rows).to_str().expect("a path").to_owned()
}

const HISTORY: &str = "SELECT subject_id, CAST(changed_at AS VARCHAR) AS at, stage FROM record_stage_changes WHERE changed_by = 'snapshot' ORDER BY 1, 2, 3";

fn show(home: &Home, file: &str, day: &str) -> String {
    home.ok(&["import", file, "--snapshot", "--snapshot-at", &format!("{day}T00:00:00Z")])
}

#[test]
fn snapshots_make_history_where_the_source_keeps_none() {
    let home = alone();
    let first = state(&home, "opportunities.csv", ["demo", "demo", "demo"], "100");
    let out = show(&home, &first, "2025-03-01");
    assert!(out.contains("3 were seen for the first time"), "{out}");
    let again = show(&home, &first, "2025-03-01");
    assert!(again.contains("Nothing changed; the record stays at version 1."), "{again}");

    let second = state(&home, "opportunities.csv", ["won", "demo", "lost"], "120.00");
    show(&home, &second, "2025-03-05");
    let history = query(&home, HISTORY);
    assert_eq!(
        history,
        "subject_id,at,stage O1,2025-03-01T00:00:00Z,demo O1,2025-03-05T00:00:00Z,won O2,2025-03-01T00:00:00Z,demo O3,2025-03-01T00:00:00Z,demo O3,2025-03-05T00:00:00Z,lost"
    );
    let fields = "SELECT subject_id, field, old_value, new_value, changed_by FROM record_field_changes ORDER BY 1, 2";
    assert_eq!(query(&home, fields), "subject_id,field,old_value,new_value,changed_by O1,amount,100,120,snapshot");
    assert_eq!(query(&home, "SELECT won, amount FROM opportunities WHERE opportunity_id = 'O1'"), "won,amount true,12000");
    assert!(!home.ok(&["query", "SELECT attributes FROM record_opportunities"]).contains("stage"), "the stage is not stored");
    assert!(json(&home, &["report", "weakest"])["notes"].to_string().contains("made from snapshots"));
    let systems = csv(&home, &["report", "systems"]);
    assert_eq!(systems[0]["history"], "made from snapshots");

    home.ok(&["undo"]);
    assert_eq!(query(&home, HISTORY), "subject_id,at,stage O1,2025-03-01T00:00:00Z,demo O2,2025-03-01T00:00:00Z,demo O3,2025-03-01T00:00:00Z,demo");
    show(&home, &second, "2025-03-05");
    assert_eq!(query(&home, HISTORY), history, "what was taken back can be shown again");
}

#[test]
fn a_late_snapshot_gives_its_changes_and_does_not_bring_back_an_old_state() {
    let home = alone();
    let file = state(&home, "opportunities.csv", ["demo", "demo", "demo"], "100");
    show(&home, &file, "2025-03-01");
    let file = state(&home, "opportunities.csv", ["won", "demo", "demo"], "300");
    show(&home, &file, "2025-03-09");
    let late = state(&home, "opportunities.csv", ["demo", "lost", "demo"], "200");
    let out = show(&home, &late, "2025-03-05");
    assert!(out.contains("3 rows were left out of opportunities") && out.contains("newer state"), "{out}");
    assert_eq!(
        query(&home, "SELECT subject_id, CAST(changed_at AS VARCHAR) AS at, old_value, new_value FROM record_field_changes ORDER BY 1, 2"),
        "subject_id,at,old_value,new_value O1,2025-03-05T00:00:00Z,100,200 O1,2025-03-09T00:00:00Z,200,300"
    );
    let o2 = "SELECT CAST(changed_at AS VARCHAR) AS at, stage FROM record_stage_changes WHERE subject_id = 'O2' ORDER BY 1";
    assert_eq!(query(&home, o2), "at,stage 2025-03-01T00:00:00Z,demo 2025-03-05T00:00:00Z,lost 2025-03-09T00:00:00Z,demo");
    assert_eq!(query(&home, "SELECT amount FROM record_opportunities WHERE opportunity_id = 'O1'"), "amount 300.0000");
    let log = json(&home, &["log", "3"]);
    assert_eq!(sum(&log, &["read"]), sum(&log, &["written", "changed", "unchanged", "rejected", "filtered"]), "{log}");
    assert_eq!(sum(&log, &["filtered"]), 3, "{log}");
}

#[test]
fn history_of_the_source_is_not_made_a_second_time() {
    let home = alone();
    state(&home, "opportunities.csv", ["Demo ", "sal", "lost"], "100");
    home.file("stage_changes.csv", "subject_type,subject_id,changed_at,stage\nopportunity,O1,2025-02-01,demo\nopportunity,O3,2025-02-02,lost\n");
    let r = home.run(&["import", home.data().to_str().expect("a path"), "--snapshot", "--snapshot-at", "2025-03-01T00:00:00Z"]);
    assert_eq!(r.code, 0, "{}\n{}", r.out, r.err);
    assert_eq!(query(&home, HISTORY), "subject_id,at,stage O2,2025-03-01T00:00:00Z,sal");
    home.file("opportunities.csv", "opportunity_id,created_at,stage\nO1,2025-01-02,no such stage\n");
    let r = home.run(&["import", home.data().join("opportunities.csv").to_str().expect("a path"), "--snapshot"]);
    assert!(r.code == 1 && r.out.contains("opportunities.csv:2: stage") && r.out.contains("no such stage"), "{}\n{}", r.out, r.err);
}

#[test]
fn health_is_measured_with_owner_threshold_and_a_list_of_what_to_mend() {
    let home = alone();
    let health = "[health]\nowner = \"ops\"\ndue = \"2026-02-01\"\nweights = { completeness = 1, validity = 1, uniqueness = 2, freshness = 0 }\n[[health.field]]\nof = \"people.email\"\nowner = \"marketing\"\nthreshold = 0.9\ndue = \"2026-01-15\"\n";
    settings(&home, health);
    home.file("people.csv", "person_id,created_at,email,name\nP1,2026-01-01,ada@x.example,Ada\nP2,2026-01-01,ADA@x.example ,Ada B\nP3,2026-01-01,nobody,Cy\nP4,2026-01-01,,test\nP5,2026-01-01,ed@x.example,Ed\n");
    home.import();
    let health = csv(&home, &["report", "health"]);
    let email = health.iter().find(|r| r["field"] == "email").expect("a line");
    // 4 of 5 filled, 3 of 4 valid, 3 different of 4: (.8 + .75 + 2 * .75) / 4 = .7625.
    assert_eq!([&email["completeness"], &email["validity"], &email["uniqueness"], &email["index"], &email["minimum"]], ["0.8", "0.75", "0.75", "0.7625", "0.75"]);
    assert_eq!([&email["owner"], &email["threshold"], &email["standing"], &email["weakest"]], ["marketing", "0.9", "ill", "validity"]);
    let name = health.iter().find(|r| r["table"] == "people" && r["field"] == "name").expect("a line");
    assert_eq!([&name["owner"], &name["validity"]], ["ops", "0.8"]);
    let list = csv(&home, &["report", "clean-up"]);
    let gains: Vec<f64> = list.iter().map(|r| r["gain"].parse().expect("a number")).collect();
    assert!(gains.windows(2).all(|w| w[0] >= w[1]) && gains[0] > 0.0, "{gains:?}");
    let duplicate = list.iter().find(|r| r["defect"] == "duplicate").expect("a duplicate");
    assert_eq!([&duplicate["field"], &duplicate["rows"], &duplicate["owner"], &duplicate["due"]], ["email", "1", "marketing", "2026-01-15"]);
    assert!(list.iter().any(|r| r["field"] == "name" && r["due"] == "2026-02-01"), "{list:?}");
    let late = json(&home, &["report", "clean-up", "--as-of", "2026-01-20"]);
    let mail = list.iter().filter(|r| r["field"] == "email").count();
    assert!(late["answer"].as_str().is_some_and(|a| a.ends_with(&format!(" {mail} are overdue."))), "{}", late["answer"]);
    settings(&home, "[health]\ndue = \"soon\"\nweights = { speed = 1 }\n[truth]\npeople.emial = [\"crm\"]\n");
    let check = home.run(&["check"]);
    assert!(check.code == 1 && check.out.contains("no dimension `speed`") && check.out.contains("`soon` is no day") && check.out.contains("emial"), "{}{}", check.out, check.err);
}

/// Two systems that know some of the same people under ids of their own.
fn two_systems(home: &Home) {
    let crm = pack(home, "crm", &[("people", PEOPLE)], "");
    let mail = pack(home, "mailer", &[("people", PEOPLE)], "");
    let a = home.file("crm.csv", "id,email,name,phone,source,made\nc1,ada@x.example,Ada Bell,1234567,Event,2025-01-01\nc2,bo@x.example,Bo,,Web,2025-01-01\nc3,cy@x.example,Cy,,,2025-01-01\n");
    let b = home.file("mailer.csv", "id,email,name,source,made\nm1,ADA@x.example,Ada Bell,Newsletter,2025-01-02\nm2,bo@other.example,Bo B,Web,2025-01-02\nm9,zoe@x.example,Zoe,Web,2025-01-02\n");
    for (file, pack) in [(&a, &crm), (&b, &mail)] {
        home.ok(&["import", file.to_str().expect("a path"), "--pack", pack.to_str().expect("a path")]);
    }
    let merges = home.file("merges.csv", "subject_type,from_id,into_id,merged_at\nperson,m2,c2,2025-02-01\nperson,c1,m1,2025-02-01\n");
    home.ok(&["import", merges.to_str().expect("a path")]);
}

#[test]
fn sources_are_compared_with_the_record_and_with_each_other() {
    let home = alone();
    two_systems(&home);
    let all = json(&home, &["reconcile"]);
    assert!(all["balance"]["answer"].as_str().is_some_and(|a| a.contains("balance")), "{}", all["balance"]);
    let overlap = csv(&home, &["report", "overlap"]);
    let people = overlap.iter().find(|r| r["table"] == "people" && r["source_a"] == "crm").expect("a line");
    assert_eq!([&people["only_a"], &people["both"], &people["only_b"]], ["1", "2", "1"]);
    let conflicts = csv(&home, &["report", "conflicts"]);
    let of = |field: &str| conflicts.iter().find(|r| r["field"] == field).unwrap_or_else(|| panic!("{field}: {conflicts:?}"));
    assert_eq!([&of("email")["both_know"], &of("email")["conflicts"]], ["2", "1"], "case is no conflict");
    assert_eq!([&of("lead_source")["conflicts"], &of("name")["conflicts"]], ["1", "1"]);
    let example = &of("lead_source")["example"];
    assert!(example.contains("c1 'Event' (version 1)") && example.contains("m1 'Newsletter' (version 2)"), "{example}");

    // The files of today: one row is new, one differs, one is gone.
    let file = home.file("crm.csv", "id,email,name,phone,source,made\nc1,ada@x.example,Ada Bell,1234567,Event,2025-01-01\nc2,bo@new.example,Bo,,Web,2025-01-01\nc4,new@x.example,New,,,2025-01-01\nc5,,Bad,,,never\n");
    let pack = home.dir.path().join("packs/crm");
    let r = home.run(&["reconcile", file.to_str().expect("a path"), "--pack", pack.to_str().expect("a path"), "--format", "json"]);
    assert_eq!(r.code, 1, "{}\n{}", r.out, r.err);
    let all: serde_json::Value = serde_json::from_str(&r.out).expect("JSON");
    let line = &all["balance"]["rows"][0];
    let n = |name: &str| line[name].as_i64().unwrap_or(-1);
    assert_eq!([n("in_files"), n("rejected"), n("kept"), n("only_in_files"), n("different"), n("same"), n("only_in_record")], [4, 1, 3, 1, 1, 1, 1], "{line}");
    assert_eq!(query(&home, "SELECT count(*) AS n FROM record_people"), "n 6", "comparing writes nothing");
}

#[test]
fn the_owner_of_truth_decides_what_facts_show() {
    let home = alone();
    two_systems(&home);
    let shown = "SELECT person_id, lead_source FROM leads ORDER BY 1";
    assert_eq!(query(&home, shown), "person_id,lead_source c2,Web c3, m1,Newsletter m9,Web");
    settings(&home, "[truth]\npeople.lead_source = [\"crm\", \"mailer\"]\n");
    assert_eq!(query(&home, shown), "person_id,lead_source c2,Web c3, m1,Event m9,Web", "Ada's row is the mailer's, her source the CRM's");
    let conflicts = csv(&home, &["report", "conflicts"]);
    let source = conflicts.iter().find(|r| r["field"] == "lead_source").expect("a line");
    assert_eq!(source["truth"], "crm, then mailer");
}

#[test]
fn amounts_are_compared_to_the_cent() {
    let home = alone();
    let file = home.file("opportunities.csv", "opportunity_id,created_at,amount,currency\nO1,2025-01-01,0.10,USD\nO2,2025-01-01,0.20,USD\nO3,2025-01-01,1000.5,EUR\n");
    home.import();
    let path = file.to_str().expect("a path");
    let all = json(&home, &["reconcile", path]);
    let lines = all["balance"]["rows"].as_array().expect("lines");
    assert!(lines.len() == 2 && lines.iter().all(|l| l["verdict"] == "balanced"), "{all}");
    home.file("opportunities.csv", "opportunity_id,created_at,amount,currency\nO1,2025-01-01,0.11,USD\nO2,2025-01-01,0.20,USD\nO3,2025-01-01,1000.5,EUR\n");
    let all = json(&home, &["reconcile", path]);
    let of = |currency: &str| all["balance"]["rows"].as_array().and_then(|r| r.iter().find(|l| l["currency"] == currency)).cloned().expect("a line");
    assert!((of("USD")["difference"].as_f64().expect("a number") - 0.01).abs() < 1e-9, "{all}");
    assert_eq!(of("EUR")["difference"].as_f64(), Some(0.0));
}

#[test]
fn where_two_systems_write_one_id_the_truth_decides_and_nothing_is_lost() {
    let import = |home: &Home, name: &str, email: &str| {
        let pack = home.dir.path().join("packs").join(name);
        let file = home.file(&format!("{name}.csv"), &format!("id,email,name,source,made\n7,{email},Ada of {name},Web,2025-01-01\n"));
        home.ok(&["import", file.to_str().expect("a path"), "--pack", pack.to_str().expect("a path")])
    };
    let home = alone();
    for name in ["crm", "mailer"] {
        pack(&home, name, &[("people", PEOPLE)], "");
    }
    let shown = "SELECT email, name FROM record_people";
    import(&home, "crm", "a@x.example");
    let out = import(&home, "mailer", "b@x.example");
    assert!(out.contains("1 ids were last written by crm"), "{out}");
    assert_eq!(query(&home, shown), "email,name b@x.example,Ada of mailer");
    let conflicts = csv(&home, &["report", "conflicts"]);
    let email = conflicts.iter().find(|r| r["field"] == "email").expect("a line");
    assert_eq!([&email["conflicts"], &email["truth"]], ["1", "(nobody named)"]);

    settings(&home, "[truth]\npeople.email = [\"crm\", \"mailer\"]\n");
    import(&home, "crm", "a@x.example");
    import(&home, "mailer", "c@x.example");
    assert_eq!(query(&home, shown), "email,name a@x.example,Ada of mailer", "the CRM's word counts for the address");
    let again = import(&home, "mailer", "c@x.example");
    assert!(again.contains("Nothing changed"), "{again}");
    import(&home, "mailer", "d@x.example");
    import(&home, "crm", "new@x.example");
    assert_eq!(query(&home, shown), "email,name new@x.example,Ada of crm");
    assert_eq!(query(&home, "SELECT attr(attributes, 'email@mailer') AS e FROM record_people"), "e d@x.example");
    let conflicts = csv(&home, &["report", "conflicts"]);
    let email = conflicts.iter().find(|r| r["field"] == "email").expect("a line");
    assert!(email["example"].contains("'new@x.example'") && email["example"].contains("'d@x.example'"), "{email:?}");
    import(&home, "crm", "");
    assert_eq!(query(&home, shown), "email,name d@x.example,Ada of crm", "who says nothing leaves the word to the next");
}

#[test]
fn a_pack_says_of_what_its_system_keeps_no_history_and_what_to_switch_on() {
    let home = alone();
    let sql = "SELECT id AS opportunity_id, messy_timestamp(made) AS created_at, name AS stage, phone AS amount, _file, _line FROM contacts";
    let more = "\n[history]\nfrom_snapshots = [\"opportunities.stage\"]\n\n[hints]\n\"opportunities.amount\" = \"Ask for the amount at creation.\"\n";
    let folder = pack(&home, "deals", &[("opportunities", sql)], more);
    for (stage, amount) in [("demo", ""), ("won", "")] {
        let file = home.file("deals.csv", &format!("id,name,phone,made\nD1,{stage},{amount},2025-01-01\n"));
        home.ok(&["import", file.to_str().expect("a path"), "--pack", folder.to_str().expect("a path")]);
    }
    assert_eq!(query(&home, "SELECT stage FROM record_stage_changes ORDER BY changed_at"), "stage demo won");
    assert_eq!(query(&home, "SELECT count(*) AS n FROM record_field_changes"), "n 0", "nobody asked for the history of amounts");
    let gaps = csv(&home, &["report", "gaps"]);
    let amount = gaps.iter().find(|r| r["table"] == "opportunities" && r["column"] == "amount").expect("a gap");
    assert_eq!(amount["switch_on"], "deals: Ask for the amount at creation.");
    let manifest = folder.join("pack.toml");
    let text = std::fs::read_to_string(&manifest).expect("a manifest").replace("opportunities.stage", "opportunities.stag");
    std::fs::write(&manifest, text).expect("a manifest");
    let r = home.run(&["import", home.data().to_str().expect("a path"), "--pack", folder.to_str().expect("a path")]);
    assert!(r.code == 2 && r.err.contains("opportunities.stag") && r.err.contains("did you mean"), "{}", r.err);
}

#[test]
fn people_under_suspicion_are_no_authentic_ones_until_they_are_cleared() {
    let home = alone();
    home.file("people.csv", "person_id,created_at,email,name\nP1,2026-01-01,ada@acme.com,Ada Bell\nP2,2026-01-01,mm@mailinator.com,Mickey Mouse\n");
    home.import();
    home.ok(&["identity"]);
    let authentic = || csv(&home, &["report", "health"]).into_iter().find(|r| r["table"] == "people" && r["field"] == "(table)").expect("a line")["authenticity"].clone();
    assert_eq!(authentic(), "0.5");
    let list = csv(&home, &["report", "clean-up"]);
    assert!(list.iter().any(|r| r["defect"] == "suspected fake" && r["rows"] == "1"), "{list:?}");
    home.ok(&["identity", "clear", "P2"]);
    assert_eq!(authentic(), "1");
}
