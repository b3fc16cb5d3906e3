//! Data health over time: the trend compares with the state of the record some days before.

use super::builtin;
use super::company::csv;
use treaty_app::import::{Origin, Silent};
use treaty_app::report::{Cell, Reason, Report};
use treaty_app::trust::{Health, Truth};
use treaty_domain::agreement::{AgreementSet, parse, template};
use treaty_domain::zone::{LocalDay, Zone};
use treaty_engine::case::Case;
use treaty_engine::record::{AT_ONCE, ImportOptions, Record};
use treaty_engine::trust::Trust;

const DAY: i64 = 86_400_000_000;
/// 2026-03-01 in UTC.
const START: i64 = 1_772_323_200_000_000;

async fn import(record: &Record, at: i64, lines: &[&str]) {
    let known = |_: &str| true;
    let options = ImportOptions {
        at,
        what: "people".to_owned(),
        source_name: "crm".to_owned(),
        zone: Zone::utc(),
        dry_run: false,
        known_stage: &known,
        known_stages_help: String::new(),
        origin: Origin::default(),
        at_once: AT_ONCE,
    };
    let result = record.import(vec![csv("people", lines)], options, &Silent).await.expect("an import");
    assert_eq!(result.faults, []);
}

async fn report(record: &Record, set: &AgreementSet, day: jiff::civil::Date, name: &str) -> Report {
    let case = Case::open(record, set, builtin(), LocalDay::from(day), false).await.expect("a case");
    let (health, truth) = (Health::default(), Truth::new());
    let trust = Trust::open(record, &case, &health, &truth).await.expect("the record");
    trust.report(name).await.expect("a report")
}

fn row(report: &Report, field: &str) -> usize {
    let is = |i: &usize| report.cell(*i, "table") == Some(&Cell::Text("people".to_owned())) && report.cell(*i, "field") == Some(&Cell::Text(field.to_owned()));
    (0..report.rows.len()).find(is).unwrap_or_else(|| panic!("{field}"))
}

#[tokio::test]
async fn the_trend_compares_with_the_record_of_some_days_before() {
    let home = tempfile::tempdir().expect("home");
    let record = Record::init(home.path()).await.expect("record");
    let (agreement, _) = parse(&template("Acme", jiff::civil::date(2024, 1, 1), "UTC"), "agreement.toml").expect("agreement");
    let set = AgreementSet::new(vec![agreement]).expect("agreement");
    import(&record, START, &["person_id,created_at,email", "P1,2026-02-01,a@x.example", "P2,2026-02-01,nobody"]).await;
    import(&record, START + 20 * DAY, &["person_id,created_at,email", "P2,2026-02-01,b@x.example"]).await;

    // Half were well formed, now all are: (1 * .3 + .5 * .3 + 1 * .2) / .8 = .8125, and 1.
    let then = report(&record, &set, jiff::civil::date(2026, 3, 10), "health").await;
    let email = row(&then, "email");
    assert_eq!(then.cell(email, "validity"), Some(&Cell::Ratio { numerator: 1, denominator: 2 }));
    assert_eq!(then.cell(email, "trend"), Some(&Cell::Undefined(Reason::NoHistory)), "before there was a record");
    let now = report(&record, &set, jiff::civil::date(2026, 4, 9), "health").await;
    let email = row(&now, "email");
    assert_eq!(now.cell(email, "index"), Some(&Cell::Share(1.0)));
    assert_eq!(now.cell(email, "trend"), Some(&Cell::Number(18.8)));
    let list = report(&record, &set, jiff::civil::date(2026, 3, 10), "clean-up").await;
    assert!(list.rows.iter().any(|r| r[2] == Cell::Text("email".to_owned()) && r[3] == Cell::Text("invalid".to_owned())), "{:?}", list.rows);
}
