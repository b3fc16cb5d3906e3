//! The demo's form: same seed, same bytes; every id leads somewhere; nothing after the last day.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use super::clock::{
    CLOSED, DAY, Day, END, HALF, HOUR, Sec, after_working, civil, date, day, hours, instant, local,
    quarter, rfc3339, weekday,
};
use super::{AGREEMENT, AGREEMENT_2024, Summary, write_company};

mod facts;
mod shape;
mod story;

/// One file as read back.
struct Table {
    columns: Vec<String>,
    rows: Vec<csv::StringRecord>,
}

/// One row of it.
#[derive(Clone, Copy)]
struct Line<'a>(&'a Table, &'a csv::StringRecord);

impl<'a> Line<'a> {
    fn get(self, column: &str) -> &'a str {
        &self.1[self
            .0
            .columns
            .iter()
            .position(|c| c == column)
            .unwrap_or_else(|| panic!("no column {column}"))]
    }

    fn at(self, column: &str) -> Sec {
        parse(self.get(column))
    }
}

/// A company as written and read back.
struct Company {
    summary: Summary,
    bytes: BTreeMap<String, Vec<u8>>,
    tables: BTreeMap<String, Table>,
}

impl Company {
    fn lines(&self, table: &str) -> impl Iterator<Item = Line<'_>> {
        let t = &self.tables[table];
        t.rows.iter().map(move |r| Line(t, r))
    }

    fn ids(&self, table: &str) -> BTreeSet<&str> {
        self.tables[table].rows.iter().map(|r| &r[0]).collect()
    }
}

/// The last day of the data.
const AS_OF: &str = "2026-06-30";

fn folder() -> PathBuf {
    static N: AtomicU32 = AtomicU32::new(0);
    let n = N.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("treaty-demo-{}-{n}", std::process::id()))
}

fn made(seed: u64) -> Company {
    let dir = folder();
    let summary = write_company(&dir, seed).unwrap();
    let mut bytes = BTreeMap::new();
    let mut tables = BTreeMap::new();
    for file in std::fs::read_dir(&dir).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let content = std::fs::read(&path).unwrap();
        let mut reader = csv::Reader::from_reader(content.as_slice());
        let columns = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let rows = reader.records().map(Result::unwrap).collect();
        tables.insert(name.clone(), Table { columns, rows });
        bytes.insert(name, content);
    }
    std::fs::remove_dir_all(&dir).unwrap();
    Company {
        summary,
        bytes,
        tables,
    }
}

/// A company made once for all tests.
fn company(seed: u64) -> Arc<Company> {
    static MADE: Mutex<BTreeMap<u64, Arc<Company>>> = Mutex::new(BTreeMap::new());
    MADE.lock()
        .unwrap()
        .entry(seed)
        .or_insert_with(|| Arc::new(made(seed)))
        .clone()
}

fn parse(instant: &str) -> Sec {
    assert!(
        instant.len() == 20 && instant.ends_with('Z'),
        "not an instant: {instant:?}"
    );
    let n = |from: usize, to: usize| instant[from..to].parse::<i64>().unwrap();
    day(n(0, 4), n(5, 7), n(8, 10)) * DAY + n(11, 13) * HOUR + n(14, 16) * 60 + n(17, 19)
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let (a, b, c) = (company(7), made(7), made(8));
    assert!(a.bytes == b.bytes);
    assert_eq!(a.summary, b.summary);
    for table in [
        "people",
        "touchpoints",
        "activities",
        "stage_changes",
        "opportunities",
    ] {
        assert_ne!(a.bytes[table], c.bytes[table], "{table}");
    }
}

#[test]
fn volumes_are_those_of_a_small_company() {
    let c = company(7);
    let rows = |t: &str| c.tables[t].rows.len();
    for (table, low, high) in [
        ("accounts", 1_500, 2_200),
        ("people", 4_900, 5_300),
        ("opportunities", 850, 1_050),
        ("opportunity_contacts", 700, 1_300),
        ("stage_changes", 14_000, 19_000),
        ("field_changes", 2_000, 4_500),
        ("touchpoints", 30_750, 61_500),
        ("activities", 12_000, 18_000),
        ("handoffs", 2_000, 2_500),
        ("campaigns", 50, 90),
        ("spend", 1_200, 2_400),
        ("content", 40, 60),
        ("users", 18, 25),
        ("purchases", 450, 900),
        ("merges", 8, 12),
        ("fx_rates", 120, 140),
    ] {
        assert!(
            (low..=high).contains(&rows(table)),
            "{table}: {} rows",
            rows(table)
        );
    }
    assert_eq!(c.tables.len(), 16);
    let s = c.summary;
    assert_eq!(
        (s.people, s.accounts, s.opportunities),
        (rows("people"), rows("accounts"), rows("opportunities"))
    );
    let events = [
        "stage_changes",
        "field_changes",
        "touchpoints",
        "activities",
        "handoffs",
    ]
    .map(rows);
    assert_eq!(
        (s.events, s.handoffs),
        (events.iter().sum(), rows("handoffs"))
    );
    assert!(s.to_string().contains("people at"), "{s}");
    assert!(c.bytes.values().map(Vec::len).sum::<usize>() < 15_000_000);
}

#[test]
fn every_id_leads_somewhere() {
    let c = company(7);
    for (table, column, target) in [
        ("accounts", "parent_account_id", "accounts"),
        ("people", "account_id", "accounts"),
        ("people", "campaign_id", "campaigns"),
        ("people", "owner_id", "users"),
        ("opportunities", "account_id", "accounts"),
        ("opportunities", "owner_id", "users"),
        ("opportunities", "campaign_id", "campaigns"),
        ("opportunity_contacts", "opportunity_id", "opportunities"),
        ("opportunity_contacts", "person_id", "people"),
        ("stage_changes", "changed_by", "users"),
        ("field_changes", "changed_by", "users"),
        ("touchpoints", "person_id", "people"),
        ("touchpoints", "campaign_id", "campaigns"),
        ("touchpoints", "content_id", "content"),
        ("touchpoints", "author", "users"),
        ("activities", "person_id", "people"),
        ("activities", "opportunity_id", "opportunities"),
        ("activities", "user_id", "users"),
        ("handoffs", "person_id", "people"),
        ("handoffs", "passed_by", "users"),
        ("handoffs", "assigned_to", "users"),
        ("handoffs", "decided_by", "users"),
        ("campaigns", "parent_campaign_id", "campaigns"),
        ("spend", "campaign_id", "campaigns"),
        ("content", "owner_id", "users"),
        ("users", "manager_id", "users"),
        ("purchases", "account_id", "accounts"),
    ] {
        let known = c.ids(target);
        let optional = [
            "parent",
            "campaign",
            "account",
            "owner",
            "content",
            "author",
            "opportunity",
            "decided",
            "manager",
        ];
        let optional = optional.iter().any(|o| column.starts_with(o))
            || (table, column) == ("activities", "person_id");
        for line in c.lines(table) {
            let id = line.get(column);
            assert!(
                known.contains(id) || optional && id.is_empty(),
                "{table}.{column}: {id:?}"
            );
        }
    }
    let subjects: BTreeMap<&str, BTreeSet<&str>> = [
        ("person", c.ids("people")),
        ("opportunity", c.ids("opportunities")),
        ("account", c.ids("accounts")),
    ]
    .into();
    for (table, column) in [
        ("stage_changes", "subject_id"),
        ("field_changes", "subject_id"),
        ("merges", "from_id"),
        ("merges", "into_id"),
    ] {
        for line in c.lines(table) {
            assert!(
                subjects[line.get("subject_type")].contains(line.get(column)),
                "{table}: {}",
                line.get(column)
            );
        }
    }
    for line in c.lines("merges") {
        assert_ne!(line.get("from_id"), line.get("into_id"));
    }
}

#[test]
fn keys_are_unique_so_that_no_row_replaces_another() {
    let c = company(7);
    for (table, key) in [
        ("accounts", &["account_id"][..]),
        ("accounts", &["domain"]),
        ("people", &["person_id"]),
        ("people", &["email"]),
        ("opportunities", &["opportunity_id"]),
        ("opportunity_contacts", &["opportunity_id", "person_id"]),
        (
            "stage_changes",
            &["subject_type", "subject_id", "changed_at", "stage"],
        ),
        (
            "field_changes",
            &["subject_type", "subject_id", "changed_at", "field"],
        ),
        ("touchpoints", &["touchpoint_id"]),
        ("activities", &["activity_id"]),
        ("handoffs", &["handoff_id"]),
        ("campaigns", &["campaign_id"]),
        ("spend", &["campaign_id", "channel", "spent_on", "currency"]),
        ("content", &["content_id"]),
        ("users", &["user_id"]),
        (
            "purchases",
            &["account_id", "purchased_at", "product_line", "kind"],
        ),
        ("merges", &["subject_type", "from_id"]),
        ("fx_rates", &["currency", "on"]),
    ] {
        let keys: BTreeSet<Vec<&str>> = c
            .lines(table)
            .map(|l| key.iter().map(|k| l.get(k)).collect())
            .collect();
        assert_eq!(keys.len(), c.tables[table].rows.len(), "{table}: {key:?}");
    }
}

#[test]
fn every_cell_reads_as_its_column_says_and_nothing_is_later_than_the_last_day() {
    let c = company(7);
    assert_eq!(
        (
            date(super::clock::END_DAY - 1).as_str(),
            rfc3339(END).as_str()
        ),
        (AS_OF, "2026-07-01T04:00:00Z")
    );
    for (name, table) in &c.tables {
        for (i, column) in table.columns.iter().enumerate() {
            for row in &table.rows {
                let cell = &row[i];
                if column.ends_with("_at") {
                    let optional = column == "decided_at";
                    assert!(
                        optional && cell.is_empty() || parse(cell) < END,
                        "{name}.{column}: {cell}"
                    );
                } else if column.ends_with("_on") || column == "on" {
                    let plan = matches!(column.as_str(), "expected_close_on" | "ended_on");
                    assert!(
                        plan || (cell.len() == 10 && cell <= AS_OF),
                        "{name}.{column}: {cell}"
                    );
                } else if matches!(column.as_str(), "amount" | "value" | "rate") {
                    assert!(
                        cell.is_empty() || cell.parse::<f64>().unwrap() >= 0.0,
                        "{name}.{column}: {cell}"
                    );
                } else if matches!(
                    column.as_str(),
                    "is_primary" | "responded" | "automated" | "active"
                ) {
                    assert!(matches!(cell, "true" | "false"), "{name}.{column}: {cell}");
                } else if matches!(column.as_str(), "employees" | "impressions" | "clicks") {
                    assert!(
                        cell.is_empty() || cell.parse::<u64>().is_ok(),
                        "{name}.{column}: {cell}"
                    );
                } else if column == "domain" {
                    assert!(cell.ends_with(".example"));
                }
            }
        }
    }
    for (table, happened) in [
        ("stage_changes", "changed_at"),
        ("touchpoints", "occurred_at"),
        ("activities", "occurred_at"),
        ("handoffs", "passed_at"),
    ] {
        for line in c.lines(table) {
            assert!(
                line.at(happened) <= line.at("recorded_at"),
                "{table}: recorded before it happened"
            );
        }
    }
}

#[test]
fn events_come_in_a_believable_order() {
    let c = company(7);
    let born: BTreeMap<&str, Sec> = c
        .lines("people")
        .map(|l| (l.get("person_id"), l.at("created_at")))
        .chain(
            c.lines("opportunities")
                .map(|l| (l.get("opportunity_id"), l.at("created_at"))),
        )
        .collect();
    for line in c.lines("stage_changes").chain(c.lines("field_changes")) {
        assert!(
            born[line.get("subject_id")] <= line.at("changed_at"),
            "{}",
            line.get("subject_id")
        );
    }
    for line in c.lines("handoffs") {
        assert!(born[line.get("person_id")] < line.at("passed_at"));
        assert_eq!(
            line.get("decided_at").is_empty(),
            line.get("decision") == "pending"
        );
        assert_eq!(
            line.get("reason").is_empty(),
            line.get("decision") != "rejected"
        );
        assert!(line.get("decided_at").is_empty() || line.at("passed_at") < line.at("decided_at"));
    }
    let accounts: BTreeMap<&str, Sec> = c
        .lines("accounts")
        .map(|l| (l.get("account_id"), l.at("created_at")))
        .collect();
    for line in c
        .lines("people")
        .chain(c.lines("opportunities"))
        .filter(|l| !l.get("account_id").is_empty())
    {
        assert!(
            accounts[line.get("account_id")] <= line.at("created_at"),
            "{}",
            line.get("account_id")
        );
    }
    // What a field changed to last is what the row says now, and each change starts where the one before ended.
    let mut last: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for line in c.lines("field_changes") {
        let before = last.insert(
            (line.get("subject_id"), line.get("field")),
            line.get("new_value"),
        );
        assert!(
            before.is_none_or(|b| b == line.get("old_value")),
            "{}",
            line.get("subject_id")
        );
    }
    for (table, id) in [("people", "person_id"), ("opportunities", "opportunity_id")] {
        for line in c.lines(table) {
            for field in ["owner_id", "amount", "expected_close_on"] {
                if let Some(value) = last.get(&(line.get(id), field)) {
                    assert_eq!(line.get(field), *value, "{} {field}", line.get(id));
                }
            }
        }
    }
    // A touch uses content that is out, and a campaign that runs.
    let out: BTreeMap<&str, &str> = c
        .lines("content")
        .map(|l| (l.get("content_id"), l.get("published_on")))
        .collect();
    for line in c
        .lines("touchpoints")
        .filter(|l| !l.get("content_id").is_empty())
    {
        assert!(out[line.get("content_id")] <= date(local(line.at("occurred_at")).0).as_str());
    }
}

#[test]
fn a_euro_rate_is_never_older_than_a_week() {
    let c = company(7);
    let days: Vec<&str> = c.lines("fx_rates").map(|l| l.get("on")).collect();
    assert_eq!(days.first(), Some(&"2024-01-01"));
    let number = |s: &str| parse(&format!("{s}T00:00:00Z")) / DAY;
    assert!(days.windows(2).all(|w| number(w[1]) - number(w[0]) == 7));
    assert!(number(AS_OF) - number(days.last().unwrap()) < 7);
    for line in c.lines("fx_rates") {
        let rate: f64 = line.get("rate").parse().unwrap();
        assert!((0.95..1.25).contains(&rate), "{rate}");
    }
    let euros = c
        .lines("opportunities")
        .filter(|l| l.get("currency") == "EUR")
        .count();
    assert!((60..250).contains(&euros), "{euros} opportunities in euros");
}

#[test]
fn the_agreement_closes_on_the_days_on_which_the_demo_is_closed() {
    for text in [AGREEMENT, AGREEMENT_2024] {
        for d in CLOSED {
            assert!(text.contains(&format!("\"{}\"", date(d))), "{}", date(d));
        }
        for d in HALF {
            assert!(text.contains(&format!("\"{}\" = \"09:00-12:00\"", date(d))));
        }
        for word in [
            "effective_from = 2024-0",
            "time_zone = \"America/New_York\"",
            "side = \"marketing\"",
            "side = \"sales\"",
        ] {
            assert!(text.contains(word), "{word}");
        }
    }
    for (title, _, qualifies) in super::words::TITLES {
        assert_eq!(
            AGREEMENT.contains(&format!("'{title}'")),
            *qualifies,
            "{title}"
        );
    }
}

#[test]
fn the_clock_knows_new_york() {
    for (y, m, d, number) in [
        (1970, 1, 1, 0),
        (2000, 3, 1, 11_017),
        (2024, 2, 29, 19_782),
        (2026, 6, 30, 20_634),
    ] {
        assert_eq!(day(y, m, d), number);
        assert_eq!(civil(number), (y, m, d));
    }
    assert_eq!(
        (weekday(day(2026, 6, 30)), quarter(day(2026, 6, 30))),
        (1, 2026 * 4 + 1)
    );
    // Standard time, summer time, and both changes.
    assert_eq!(
        rfc3339(instant(day(2024, 1, 15), 9 * HOUR)),
        "2024-01-15T14:00:00Z"
    );
    assert_eq!(
        rfc3339(instant(day(2024, 7, 15), 9 * HOUR)),
        "2024-07-15T13:00:00Z"
    );
    assert_eq!(
        local(parse("2024-03-10T06:59:59Z")),
        (day(2024, 3, 10), 2 * HOUR - 1)
    );
    assert_eq!(
        local(parse("2024-03-10T07:00:00Z")),
        (day(2024, 3, 10), 3 * HOUR)
    );
    assert_eq!(
        local(parse("2024-11-03T05:59:59Z")),
        (day(2024, 11, 3), 2 * HOUR - 1)
    );
    assert_eq!(
        local(parse("2024-11-03T06:00:00Z")),
        (day(2024, 11, 3), HOUR)
    );
    // methods.md S4: over a weekend with a holiday, over a plain weekend, over the change to summer time.
    for (from, minutes, to) in [
        ("2024-05-24T20:30:00Z", 50, "2024-05-28T13:20:00Z"),
        ("2024-05-17T20:30:00Z", 50, "2024-05-20T13:20:00Z"),
        ("2024-03-08T21:00:00Z", 120, "2024-03-11T14:00:00Z"),
    ] {
        assert_eq!(rfc3339(after_working(parse(from), minutes * 60)), to);
        assert_eq!(facts::working(parse(from), parse(to)), minutes * 60);
    }
    let open: Vec<Day> = (day(2024, 12, 20)..day(2025, 1, 3))
        .filter(|d| hours(*d).is_some())
        .collect();
    assert_eq!(open.len(), 8);
}
