//! Packs for one system as several loaders land it: names, aliases, detection, settings, and what is missing.

use crate::{faults, headers, put, rows};
use std::path::{Path, PathBuf};
use treaty_app::import::Silent;
use treaty_app::raw::{Fault, RawChunk, RawTable, TextColumn};
use treaty_intake::pack::{Detection, NATIVE, Offer, Pack, PackInput, Shelf, detect, offers};

const CRM: &str = r#"
[pack]
name = "crm"
title = "CRM"
description = "A CRM."
source = "crm"

[[detect]]
table = "deals"
columns = ["stage_name", "is_won"]
weight = 3

[[detect]]
table = "leads"
columns = ["converted_at"]

[[file]]
table = "deals"
path = ["deals*.csv", "exports/opportunity.csv"]
names = ["deal", "opportunity"]
columns = ["id", "stage_name"]
optional_columns = ["is_won", "campaign"]
prefixes = ["property_", "p_"]
[file.alias]
stage_name = ["property_stage", "properties__stage"]
[file.without_column]
amount = "Deals have no amount."
[[file.unpivot]]
table = "deal_stage_dates"
columns = ["date_entered_*", "stage_*_date"]
keep = ["id"]

[[file]]
table = "deal_versions"
names = ["opportunity"]
columns = ["id", "valid_from"]
required = false

[[file]]
table = "leads"
required = false
without = "There are no leads."
columns = ["id"]

[settings]
won = "yes"
open_statuses = ["New", "Working"]
[settings.stage]
"Closed Won" = "won"
"Closed Lost" = "lost"
"#;

fn pack(text: &str) -> (tempfile::TempDir, Pack) {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "pack.toml", text);
    put(dir.path(), "opportunities.sql", "SELECT id AS opportunity_id FROM deals");
    let pack = Pack::load(dir.path()).unwrap_or_else(|all| panic!("{all:#?}"));
    (dir, pack)
}

fn columns(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn offer(name: &str, names: &[&str]) -> Offer {
    Offer::new(name, columns(names))
}

fn raw(name: &str, names: &[&str], lines: &[&[&str]]) -> RawTable {
    let mut all: Vec<TextColumn> = names.iter().map(|n| TextColumn::new(n)).collect();
    for line in lines {
        all.iter_mut().zip(*line).for_each(|(c, cell)| c.push((*cell != "-").then_some(cell)));
    }
    let chunk = RawChunk { columns: all, lines: (1..=lines.len() as u64).collect() };
    RawTable { name: name.to_owned(), file: name.to_owned(), chunks: vec![chunk], faults: Vec::new() }
}

fn table<'a>(input: &'a PackInput, name: &str) -> &'a RawTable {
    input.tables.iter().find(|t| t.name == name).unwrap_or_else(|| panic!("no {name}"))
}

fn told(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_table_is_accepted_under_any_of_its_names_and_spellings() {
    let (_dir, pack) = pack(CRM);
    let entry = |name: &str, names: &[&str]| pack.accept(name, &columns(names)).map(|f| f.table.as_str());
    assert_eq!(entry("Opportunity", &["Id", "StageName"]), Some("deals"));
    assert_eq!(entry("OPPORTUNITY-2", &["ID", "STAGE NAME"]), Some("deals"));
    assert_eq!(entry("deal", &["id", "properties__stage"]), Some("deals"));
    assert_eq!(entry("opportunity", &["id", "valid_from"]), Some("deal_versions"), "the first entry whose columns are there");
    assert_eq!(entry("opportunity", &["id"]), None, "the name alone is not enough");
    assert_eq!(entry("leads", &["id"]), Some("leads"), "without names, the table's own name");
    assert_eq!(entry("deal", &["p_id", "P__stage_name"]), Some("deals"), "with a prefix of a loader");
    assert_eq!(entry("case", &["id", "stage_name"]), None);
}

#[test]
fn the_sql_sees_one_spelling_and_what_is_missing_is_empty_and_told() {
    let (_dir, pack) = pack(CRM);
    let landed = raw(
        "Opportunity",
        &["Id", "property_stage", "IsWon", "date_entered_New", "stage_won_date", "other"],
        &[&["1", "New", "false", "2026-01-01", "-", "x"], &["2", "Closed Won", "true", "2026-01-02", "2026-02-01", "-"]],
    );
    let input = pack.fit(vec![(0, landed)]).unwrap();
    let deals = table(&input, "deals");
    assert_eq!(headers(deals), ["id", "stage_name", "is_won", "date_entered_New", "stage_won_date", "other", "campaign", "amount"]);
    assert_eq!(rows(deals)[1], "2: 2 | Closed Won | true | 2026-01-02 | 2026-02-01 | - | - | -");
    let dates = table(&input, "deal_stage_dates");
    assert_eq!(headers(dates), ["id", "name", "value"]);
    assert_eq!(rows(dates), ["1: 1 | New | 2026-01-01", "2: 2 | New | 2026-01-02", "2: 2 | won | 2026-02-01"]);
    assert_eq!((table(&input, "leads").rows(), table(&input, "deal_versions").rows()), (0, 0));
    assert_eq!(
        input.notes,
        ["not there: deals.amount: Deals have no amount.", "not there: leads: There are no leads.", "not there, and empty: deals.campaign, deal_versions"]
    );
    let settings = table(&input, "settings");
    assert_eq!(rows(settings)[..3], ["0: won | - | yes", "0: open_statuses | - | New", "0: open_statuses | - | Working"]);
    assert_eq!(settings.rows(), 5);
    let unclear = pack.fit(vec![(0, raw("deal", &["id", "StageName", "stage name"], &[]))]).unwrap_err();
    assert_eq!(told(&unclear), ["deal:1: stage_name: StageName and stage name could both be this column; rename one of them"]);
}

#[test]
fn the_pack_is_found_by_its_signs_and_says_why() {
    let (_dir, crm) = pack(CRM);
    let (_other, rival) = pack(&CRM.replace("name = \"crm\"", "name = \"rival\"").replace("weight = 3", "weight = 2").replace("[\"converted_at\"]", "[\"scored_at\"]"));
    let packs = [crm, rival];
    let deals = offer("Opportunity", &["Id", "StageName", "IsWon"]);
    let Detection::One { best, next } = detect(&packs, &[deals.clone(), offer("weather", &["day"])]) else { panic!("one pack") };
    assert_eq!(best.told(), "crm (3 of 4: Opportunity has stage_name, is_won)");
    assert_eq!(next.unwrap().told(), "rival (2 of 3: Opportunity has stage_name, is_won)");
    // A table that only another explains makes it undecided, and so does a draw.
    let (_third, third) = pack(
        "[pack]\nname = \"third\"\ntitle = \"x\"\ndescription = \"x\"\nsource = \"x\"\n[[detect]]\ntable = \"weather\"\ncolumns = [\"day\"]\n\
         [[file]]\ntable = \"weather\"\ncolumns = [\"day\"]\n",
    );
    let Detection::Several(scores) = detect(&[packs[0].clone(), third], &[deals.clone(), offer("weather", &["day"])]) else { panic!("two") };
    assert_eq!(scores.iter().map(|s| s.pack.as_str()).collect::<Vec<_>>(), ["crm", "third"]);
    assert!(matches!(detect(&[packs[0].clone(), packs[0].clone()], std::slice::from_ref(&deals)), Detection::Several(_)));
    // Nothing known: what was near.
    let Detection::None(near) = detect(&packs[..1], &[offer("deal", &["id", "stage_name"])]) else { panic!("none") };
    assert_eq!(near, ["crm: deal is named like its table deals, but lacks is_won"]);
    // Files named like the record's tables, with their columns, are read without a pack.
    let people = offer("People", &["person_id", "created_at", "email"]);
    assert!(matches!(detect(&packs, std::slice::from_ref(&people)), Detection::One { best, .. } if best.pack == NATIVE));
    assert!(matches!(detect(&packs, &[people, deals]), Detection::Several(_)));
    assert!(matches!(detect(&packs, &[offer("accounts", &["account", "sector"])]), Detection::None(_)));
}

#[test]
fn a_home_may_change_settings_and_single_queries() {
    let (_dir, mut crm) = pack(CRM);
    let own: toml::Table = "won = 1\nopen_statuses = [\"Open\"]\n[stage]\n\"closed won\" = \"signed\"\nDemo = \"demo\"".parse().unwrap();
    crm.configure(&own, "treaty.toml").unwrap();
    let setting = |name: &str, key: Option<&str>| crm.setting(name, key).map(Option::unwrap_or_default);
    assert_eq!(setting("won", None).unwrap(), "1");
    assert_eq!(setting("stage", Some(" Closed WON ")).unwrap(), "signed");
    assert_eq!((setting("stage", Some("demo")).unwrap(), setting("stage", Some("x")).unwrap()), ("demo".to_owned(), String::new()));
    assert_eq!((setting("open_statuses", Some("open")).unwrap(), setting("open_statuses", Some("New")).unwrap()), ("true".to_owned(), "false".to_owned()));
    assert!(setting("stages", None).unwrap_err().contains("did you mean stage?"));
    assert!(setting("stage", None).is_err() && setting("won", Some("x")).is_err());
    let wrong: toml::Table = "wonn = 1\nstage = \"x\"\nopen_statuses = [[1]]".parse().unwrap();
    let faults = told(&crm.configure(&wrong, "treaty.toml").unwrap_err());
    assert_eq!(faults.len(), 3, "{faults:#?}");
    assert!(faults.iter().any(|f| f.starts_with("treaty.toml: packs.crm.wonn: is no setting of the pack crm; did you mean won?")), "{faults:#?}");
    assert!(faults.iter().any(|f| f.contains("packs.crm.stage: must be a table such as")), "{faults:#?}");

    let home = tempfile::tempdir().unwrap();
    put(home.path(), "maven_crm/users.sql", "SELECT 'x' AS user_id");
    put(home.path(), "mine/pack.toml", CRM.replace("\"crm\"", "\"mine\""));
    put(home.path(), "mine/people.sql", "SELECT id AS person_id FROM leads");
    let shelf = Shelf::new(Some(home.path()));
    let maven = shelf.find("maven_crm").unwrap();
    assert_eq!(maven.queries.iter().find(|q| q.table == "users").unwrap().sql, "SELECT 'x' AS user_id");
    assert!(maven.queries.len() > 3 && maven.origin.contains("changed by"), "{}", maven.origin);
    assert!(shelf.names().contains(&"mine".to_owned()) && shelf.find("mine").is_ok());
    assert!(shelf.all().unwrap().len() >= 3);
}

#[test]
fn a_folder_of_parts_is_the_table_that_it_is_named_like() {
    let (_dir, pack) = pack(CRM);
    let data = tempfile::tempdir().unwrap();
    let root = data.path();
    put(root, "opportunity/part-2.csv", "id,stage_name\n2,New\n");
    put(root, "opportunity/part-1.csv", "id,stage_name\n1,New\n");
    put(root, "old/deals.csv", "id,stage_name\n3,New\n");
    put(root, "_dlt_loads/1.csv", "load_id\n1\n");
    let (files, left_out) = pack.match_files(&[root.to_owned()]).unwrap();
    let names: Vec<String> = files.iter().map(|(_, f)| f.path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["part-1.csv", "part-2.csv"]);
    assert_eq!(left_out, [root.join("old").display().to_string()]);
    assert_eq!(table(&pack.read(&[root.to_owned()], &Silent).unwrap(), "deals").rows(), 1);
    put(root, "opportunity/part-3.csv", "id\n1\n");
    let lacking = pack.match_files(&[root.to_owned()]).unwrap_err();
    assert!(told(&lacking)[0].contains("part-3.csv:1: stage_name: this column is missing"), "{lacking:?}");
}

#[test]
fn faults_of_the_new_parts_of_a_manifest_have_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let text = CRM
        .replace("table = \"leads\"\ncolumns", "table = \"lead\"\ncolumns")
        .replace("weight = 3", "weight = 0")
        .replace("stage_name = [\"property_stage\", \"properties__stage\"]", "stage_nam = [\"x\"]")
        .replace("[\"date_entered_*\", \"stage_*_date\"]", "[\"date_entered\"]")
        .replace("keep = [\"id\"]", "keep = [\"ids\"]")
        .replace("table = \"deal_versions\"", "table = \"deal_stage_dates\"")
        .replace("required = false\nwithout", "without")
        .replace("\"Closed Won\" = \"won\"", "\"Closed Won\" = [\"won\"]");
    put(dir.path(), "pack.toml", text);
    put(dir.path(), "opportunities.sql", "SELECT 1");
    let faults = told(&Pack::load(dir.path()).unwrap_err());
    for wanted in [
        "detect.table: lead is the table of no [[file]]; did you mean leads?",
        "detect.weight: must be a whole number from 1 to 100",
        "file.alias.stage_nam: is not among columns or optional_columns; did you mean stage_name?",
        "file.unpivot.columns: must be patterns with one * each",
        "file.unpivot.keep: ids is not among columns or optional_columns",
        "file.table: deal_stage_dates is used twice",
        "file.without: is for a table that may be missing; add required = false",
        "settings.stage: must not hold a list or a table in another",
    ] {
        assert!(faults.iter().any(|f| f.contains(wanted)), "{wanted}\n{faults:#?}");
    }
    assert_eq!(faults.len(), 8, "{faults:#?}");
}

#[test]
fn offers_of_paths_have_their_columns() {
    let data = tempfile::tempdir().unwrap();
    let root: &Path = data.path();
    put(root, "Lead.csv", "\u{feff}Id;Name\r\n1;x");
    put(root, "deal.jsonl", "{\"id\":1,\"stage\":\"x\"}\n");
    put(root, "notes.xlsx", b"PK\x03\x04....[Content_Types].xml");
    let found = offers(&[root.to_owned()]).unwrap();
    let of = |name: &str| &found.iter().find(|f| f.offer.names[0] == name).unwrap().offer.columns;
    assert_eq!((of("Lead"), of("deal")), (&columns(&["Id", "Name"]), &columns(&["id", "stage"])));
    assert!(offers(&[PathBuf::from("/none/at/all")]).is_err());
    let (_dir, pack) = pack(CRM);
    let table = raw("x", &["id", "stage_name"], &[]);
    assert!(faults(&table).is_empty() && pack.fit(vec![(0, table)]).is_ok());
}
