//! After any row of imports, what is made of older timelines and facts is what a home makes that has
//! none: the same facts, row by row, and the same review.

use crate::case::Case;
use crate::metrics::Catalogue;
use crate::record::{AT_ONCE, ImportOptions, Incoming, Record};
use crate::reports::Ask;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use treaty_app::import::{Origin, Silent};
use treaty_app::layout;
use treaty_app::raw::{RawChunk, RawTable, TextColumn};
use treaty_app::render::json::review_text;
use treaty_domain::agreement::{AgreementSet, parse, template};
use treaty_domain::zone::{LocalDay, Zone};

/// Rows by table and key, as they are in a file; a later one with the same key takes its place.
#[derive(Default)]
struct Files(BTreeMap<&'static str, BTreeMap<String, String>>);

/// Tables with the columns that the test writes, and how many of them are the key.
const TABLES: [(&str, usize, &str); 13] = [
    ("accounts", 1, "account_id,name,industry,territory"),
    ("people", 1, "person_id,account_id,created_at,title,lead_source,campaign_id,owner_id"),
    ("opportunities", 1, "opportunity_id,account_id,created_at,amount,currency,kind,campaign_id,owner_id"),
    ("opportunity_contacts", 2, "opportunity_id,person_id,is_primary"),
    ("stage_changes", 4, "subject_type,subject_id,changed_at,stage,reason"),
    ("field_changes", 4, "subject_type,subject_id,changed_at,field,old_value,new_value"),
    ("touchpoints", 1, "touchpoint_id,person_id,occurred_at,campaign_id,channel,responded"),
    ("activities", 1, "activity_id,person_id,opportunity_id,occurred_at,kind,direction"),
    ("handoffs", 1, "handoff_id,person_id,passed_at,assigned_to,decision,decided_at,value,currency"),
    ("campaigns", 1, "campaign_id,name,channel,intent"),
    ("users", 1, "user_id,name,team"),
    ("purchases", 2, "account_id,purchased_at,product_line,kind,amount,currency"),
    ("merges", 2, "subject_type,from_id,into_id,merged_at"),
];

impl Files {
    fn put(&mut self, table: &'static str, row: String) {
        let keys = TABLES.iter().find(|t| t.0 == table).map_or(1, |t| t.1);
        let key: Vec<&str> = row.split(',').take(keys).collect();
        self.0.entry(table).or_default().insert(key.join(","), row);
    }

    /// In chunks of at most so many rows.
    fn sources(&self, each: usize) -> Vec<Incoming> {
        let source = |(table, rows): (&&'static str, &BTreeMap<String, String>)| {
            let header = TABLES.iter().find(|t| t.0 == *table).map_or("", |t| t.2);
            let rows: Vec<&String> = rows.values().collect();
            let chunk = |rows: &[&String]| {
                let mut columns: Vec<TextColumn> = header.split(',').map(TextColumn::new).collect();
                for row in rows {
                    for (column, cell) in columns.iter_mut().zip(row.split(',')) {
                        column.push((!cell.is_empty()).then_some(cell));
                    }
                }
                RawChunk { columns, lines: (2..).take(rows.len()).collect() }
            };
            let raw = RawTable {
                name: (*table).to_owned(),
                file: format!("{table}.csv"),
                chunks: rows.chunks(each).map(chunk).collect(),
                faults: Vec::new(),
            };
            Incoming::Text { table: layout::table(table).expect(table), raw }
        };
        self.0.iter().map(source).collect()
    }
}

/// Numbers out of one number.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn of(&mut self, letter: &str, n: u64) -> String {
        format!("{letter}{:02}", self.below(n))
    }

    /// An id, or none in one of four.
    fn some(&mut self, letter: &str, n: u64) -> String {
        if self.below(4) == 0 { String::new() } else { self.of(letter, n) }
    }

    /// An instant of the spring of 2025; many are the same.
    fn at(&mut self) -> String {
        format!("2025-{:02}-{:02}T{:02}:00:00Z", 1 + self.below(5), 1 + self.below(28), 8 + self.below(3))
    }

    fn pick(&mut self, words: &[&str]) -> String {
        words[self.below(words.len() as u64) as usize].to_owned()
    }
}

/// How many ids of each kind there are: rows name some before they exist.
const PEOPLE: u64 = 26;
const DEALS: u64 = 14;
const ACCOUNTS: u64 = 8;

fn row(files: &mut Files, table: u8, seed: u64) {
    let d = &mut Dice(seed);
    // Stirred, so that neighbours differ.
    d.below(7);
    let (p, o) = (d.of("p", PEOPLE), d.of("o", DEALS));
    match table {
        0 => files.put("accounts", format!("{},Name {},{},{}", d.of("a", ACCOUNTS), d.below(9), d.pick(&["steel", "wood"]), d.pick(&["east", "west"]))),
        1..=3 => {
            let (account, at, campaign) = (d.some("a", ACCOUNTS + 2), d.at(), d.some("c", 6));
            files.put("people", format!("{p},{account},{at},{},{},{campaign},{}", d.pick(&["", "boss"]), d.pick(&["web", "fair"]), d.some("u", 4)));
        }
        4 | 5 => {
            let (account, at, kind) = (d.some("a", ACCOUNTS + 2), d.at(), d.pick(&["new_business", "renewal"]));
            files.put("opportunities", format!("{o},{account},{at},{}.50,{},{kind},{},{}", d.below(900), d.pick(&["USD", "EUR"]), d.some("c", 6), d.some("u", 4)));
        }
        6 | 7 => files.put("opportunity_contacts", format!("{o},{p},{}", d.pick(&["true", "false", ""]))),
        8 | 9 => {
            let (kind, id) = if d.below(2) == 0 { ("person", p) } else { ("opportunity", o) };
            let stage = if kind == "person" { d.pick(&["mql", "sal", "disqualified", "recycled"]) } else { d.pick(&["demo", "won", "lost"]) };
            files.put("stage_changes", format!("{kind},{id},{},{stage},{}", d.at(), d.pick(&["", "budget", "override: asked"])));
        }
        10 => {
            let (kind, id) = if d.below(2) == 0 { ("person", p) } else { ("opportunity", o) };
            let (old, new) = if d.below(2) == 0 { (d.some("u", 4), d.of("u", 5)) } else { (String::new(), format!("{}", d.below(500))) };
            let field = if new.starts_with('u') { "owner_id" } else { "amount" };
            files.put("field_changes", format!("{kind},{id},{},{field},{old},{new}", d.at()));
        }
        11..=14 => {
            let (id, at, campaign) = (d.of("t", 60), d.at(), d.some("c", 8));
            files.put("touchpoints", format!("{id},{p},{at},{campaign},{},{}", d.pick(&["web", "direct", "fair"]), d.pick(&["true", "false", ""])));
        }
        15 | 16 => {
            let who = [(p.clone(), String::new()), (String::new(), o.clone()), (p, o)][d.below(3) as usize].clone();
            files.put("activities", format!("{},{},{},{},{},{}", d.of("y", 40), who.0, who.1, d.at(), d.pick(&["call", "email"]), d.pick(&["inbound", "outbound"])));
        }
        17 => {
            let (id, at, user, decision) = (d.of("h", 20), d.at(), d.some("u", 5), d.pick(&["accepted", "rejected", "pending"]));
            files.put("handoffs", format!("{id},{p},{at},{user},{decision},{},{},USD", if decision == "pending" { String::new() } else { d.at() }, d.below(900)));
        }
        18 => files.put("campaigns", format!("{},Campaign,{},{}", d.of("c", 7), d.pick(&["web", "fair"]), d.pick(&["acquire", "nurture", ""]))),
        19 => files.put("users", format!("{},Name,{}", d.of("u", 5), d.pick(&["north", "south"]))),
        20 => files.put("purchases", format!("{},{},basic,order,{},USD", d.of("a", ACCOUNTS + 3), d.at(), d.below(100))),
        _ => {
            let (kind, letter, n) = if d.below(2) == 0 { ("person", "p", PEOPLE) } else { ("account", "a", ACCOUNTS) };
            files.put("merges", format!("{kind},{},{},2025-01-01T00:00:00Z", d.of(letter, n), d.of(letter, n)));
        }
    }
}

async fn import(record: &Record, n: i64, files: &Files, at_once: usize) {
    let known = |s: &str| ["lead", "mql", "sal", "opportunity", "demo", "won", "lost", "disqualified", "recycled"].contains(&s);
    let options = ImportOptions {
        at: 1_780_000_000_000_000 + n * 3_600_000_000,
        what: format!("import {n}"),
        source_name: "test".to_owned(),
        zone: Zone::new("America/New_York").expect("a zone"),
        dry_run: false,
        known_stage: &known,
        known_stages_help: String::new(),
        origin: Origin::default(),
        at_once,
    };
    let result = record.import(files.sources(at_once), options, &Silent).await.expect("an import");
    assert_eq!(result.faults, []);
}

fn agreement(people: &str) -> AgreementSet {
    let text = template("Acme", jiff::civil::date(2024, 1, 1), "America/New_York");
    let text = text.replacen("# gate = [ ", "gate = [", 1).replacen("#   { id = \"agrees", "{ id = \"agrees", 1).replacen("# ]", "]", 1);
    let text = text.replacen("people = \"roles_else_account\"", &format!("people = \"{people}\""), 1);
    let (agreement, _) = parse(&text.replace("attr(attributes, 'agreed') = 'yes'", "industry = 'steel'"), "agreement.toml").expect("an agreement");
    AgreementSet::new(vec![agreement]).expect("a set")
}

/// The case of a home as text: all facts in their order, and the review.
async fn told(home: &Path, set: &AgreementSet) -> Vec<String> {
    let record = Record::open(home).await.expect("a record");
    let catalogue = Catalogue::builtin().expect("metrics");
    let day = LocalDay::from(jiff::civil::date(2025, 6, 30));
    let case = Case::open(&record, set, catalogue, day, false).await.expect("a case");
    let mut out: Vec<String> = case.facts.notes.clone();
    let format = FormatOptions::default().with_null("~");
    for (name, table) in &case.facts.tables {
        let all: Vec<usize> = (0..table.schema.fields().len()).collect();
        table.prepare(&all).await.expect("columns");
        for batch in table.columns(&all).expect("rows") {
            let columns: Vec<ArrayFormatter<'_>> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &format).expect("a formatter")).collect();
            for row in 0..batch.num_rows() {
                let cells: Vec<String> = columns.iter().map(|c| c.value(row).to_string()).collect();
                out.push(format!("{name}: {}", cells.join(",")));
            }
        }
    }
    let review = review_text(&case.review(&Ask::default()).await.expect("a review"));
    out.extend(review.lines().map(str::to_owned));
    out
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => _ = std::fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy"),
        }
    }
}

/// Whether the newest of some derived folders stands on an older one.
fn stands_on_older(folder: &Path, version: u64, inner: &str) -> bool {
    of_version(folder, version).expect("a folder of the version").join(inner).is_dir()
}

fn of_version(folder: &Path, version: u64) -> Option<PathBuf> {
    let name = format!("v{version:08}-");
    let own = std::fs::read_dir(folder).ok()?.flatten().find(|e| e.file_name().to_string_lossy().starts_with(&name));
    own.map(|e| e.path())
}

/// Imports and a check after each; gives how many timelines and facts were patches, and how many facts were there before
/// anyone asked.
async fn check(imports: &[Vec<(u8, u64)>], people: &str) -> Result<[usize; 3], TestCaseError> {
    let home = tempfile::tempdir().expect("a home");
    let record = Record::init(home.path()).await.expect("a record");
    let set = agreement(people);
    let [mut patched, mut folded, mut followed] = [0; 3];
    for (n, rows) in imports.iter().enumerate() {
        let mut files = Files::default();
        rows.iter().for_each(|(table, seed)| row(&mut files, *table, *seed));
        let undo = rows.first().is_some_and(|(table, seed)| *table == 21 && seed % 3 == 0) && n > 1;
        if undo {
            record.undo(1_780_000_000_000_000 + n as i64 * 3_600_000_000).await.expect("undone");
        } else {
            // Some in slices.
            import(&record, n as i64, &files, if n % 2 == 1 { 3 } else { AT_ONCE }).await;
        }
        if n % 2 == 0 {
            if let Some(view) = crate::facts::asked_last(&record, &set) {
                crate::facts::follow(&record, &set, view).await.expect("facts");
            }
            followed += usize::from(of_version(&home.path().join("facts"), record.version()).is_some());
        }
        let got = told(home.path(), &set).await;
        let fresh = tempfile::tempdir().expect("a home");
        copy(&home.path().join("record"), &fresh.path().join("record"));
        let want = told(fresh.path(), &set).await;
        for (got, want) in got.iter().zip(&want) {
            prop_assert_eq!(got, want, "import {} of {}", n, people);
        }
        prop_assert_eq!(got.len(), want.len());
        patched += usize::from(stands_on_older(&home.path().join("timelines"), record.version(), "base"));
        folded += usize::from(stands_on_older(&home.path().join("facts"), record.version(), "whole"));
    }
    Ok([patched, folded, followed])
}

/// A first import of some of everything.
fn company() -> Vec<(u8, u64)> {
    (0..160).map(|i| ((i % 21) as u8, i * 7_919)).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// A dozen, unless somebody asks for more.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn patches_are_what_a_full_pass_yields(
        imports in prop::collection::vec(prop::collection::vec((0_u8..22, any::<u64>()), 1..14), 1..5),
        people in prop::sample::select(vec!["roles_else_account", "roles", "account"]),
    ) {
        let all: Vec<Vec<(u8, u64)>> = std::iter::once(company()).chain(imports).collect();
        runtime().block_on(check(&all, people))?;
    }
}

/// Events in the order of S3 are the same in whatever order, and in how many files, rows came.
#[test]
fn ties_do_not_show_how_rows_came() {
    // Whoever did what at the same instant: hundreds of events of a few people on a few days.
    let mut rows: Vec<(&'static str, String)> = Vec::new();
    let mut put = |table: &'static str, row: String| rows.push((table, row));
    for p in 0..6 {
        put("people", format!("p{p},a{},2025-01-01T08:00:00Z,,web,,u1", p % 2));
        put("opportunities", format!("o{p},a{},2025-01-02T08:00:00Z,100.50,USD,new_business,,u1", p % 2));
        put("opportunity_contacts", format!("o{p},p{p},true"));
        for i in 0..12 {
            let at = format!("2025-02-{:02}T09:00:00Z", 1 + i % 3);
            put("touchpoints", format!("t{p}-{i:02},p{p},{at},c{},{},true", i % 4, ["web", "fair", "direct"][i % 3]));
            put("activities", format!("y{p}-{i:02},p{p},,{at},{},{}", ["call", "email"][i % 2], ["outbound", "inbound"][i / 2 % 2]));
            put("handoffs", format!("h{p}-{i:02},p{p},{at},u{},{},{},1,USD", i % 5, ["accepted", "pending"][i / 3 % 2], if i / 3 % 2 == 0 { &at } else { "" }));
            put("stage_changes", format!("person,p{p},{at},{},", ["mql", "sal", "recycled", "disqualified"][i / 3 % 4]));
            put("stage_changes", format!("opportunity,o{p},{at},{},", ["demo", "won", "lost", "opportunity"][i / 3 % 4]));
        }
    }
    let set = agreement("roles_else_account");
    let land = async |imports: Vec<Vec<usize>>, at_once: usize| {
        let home = tempfile::tempdir().expect("a home");
        let record = Record::init(home.path()).await.expect("a record");
        for (n, some) in imports.iter().enumerate() {
            let mut files = Files::default();
            some.iter().for_each(|i| files.put(rows[*i].0, rows[*i].1.clone()));
            import(&record, n as i64, &files, at_once).await;
        }
        let tables = ["leads", "stage_visits", "opportunities", "handoffs", "sla_clocks", "influences", "credits"];
        let of_events = |line: &String| line.split_once(": ").is_some_and(|(table, _)| tables.contains(&table));
        told(home.path(), &set).await.into_iter().filter(of_events).collect::<Vec<_>>()
    };
    runtime().block_on(async {
        let all: Vec<usize> = (0..rows.len()).collect();
        let want = land(vec![all.clone()], AT_ONCE).await;
        assert!(want.len() > 6);
        assert_eq!(land(vec![all.clone()], 5).await, want, "slices");
        for step in [5, 7] {
            let mut imports: Vec<Vec<usize>> = (0..step).map(|n| all.iter().copied().filter(|i| i % step == n).collect()).collect();
            assert_eq!(land(imports.clone(), AT_ONCE).await, want, "{step} imports");
            imports.reverse();
            assert_eq!(land(imports, AT_ONCE).await, want, "{step} imports, the last ones first");
        }
    });
}

#[test]
fn opportunities_of_one_instant_do_not_show_when_they_came() {
    // One of two that were created at the same instant moves to another account, and gets a contact.
    let moved = vec![(4, 6_815_503_814_613_428_791), (6, 10_433_333_240_113_291_047)];
    runtime().block_on(check(&[company(), moved], "roles_else_account")).expect("the same");
}

#[test]
fn an_import_that_changes_little_brings_facts_along() {
    runtime().block_on(async {
        let home = tempfile::tempdir().expect("a home");
        let record = Record::init(home.path()).await.expect("a record");
        let set = agreement("roles_else_account");
        let mut files = Files::default();
        company().into_iter().for_each(|(table, seed)| row(&mut files, table, seed));
        for i in 0..600 {
            files.put("touchpoints", format!("x{i},p{:02},2025-03-01T08:00:00Z,,web,true", i % PEOPLE));
        }
        import(&record, 1, &files, AT_ONCE).await;
        let known = |version: u64| of_version(&home.path().join("facts"), version).is_some();
        // Nobody has asked anything yet: there is nothing to bring along.
        crate::load::prepare(&record, &set, true).await.expect("timelines");
        assert!(!known(1));
        told(home.path(), &set).await;
        assert!(known(1));
        let mut changed = Files::default();
        changed.put("touchpoints", "x7,p07,2025-03-02T08:00:00Z,,fair,true".to_owned());
        import(&record, 2, &changed, AT_ONCE).await;
        crate::load::prepare(&record, &set, false).await.expect("timelines and facts");
        assert!(known(2) && stands_on_older(&home.path().join("facts"), 2, "whole"));
        // Other users mean other facts of all accounts: that is left to the next question.
        let mut users = Files::default();
        users.put("users", "u01,Another name,south".to_owned());
        import(&record, 3, &users, AT_ONCE).await;
        crate::load::prepare(&record, &set, false).await.expect("timelines");
        assert!(record.version() == 3 && !known(3));
    });
}

#[test]
fn small_imports_are_patches() {
    // Rows of every table but merges, campaigns and users, which decide over all accounts.
    let imports: Vec<Vec<(u8, u64)>> = (0..6).map(|n| (0..6).map(|i| (((n * 5 + i * 3) % 18) as u8, 1_000 + n * 131 + i * 17)).collect()).collect();
    let all: Vec<Vec<(u8, u64)>> = std::iter::once(company()).chain(imports).collect();
    let [patched, folded, followed] = runtime().block_on(check(&all, "roles_else_account")).expect("the same");
    assert!(patched >= 4 && folded >= 4 && followed >= 2, "{patched} and {folded} of 6 imports were patches, {followed} facts of 3 were there");
}
