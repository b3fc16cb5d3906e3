//! Metrics over a real record: a small company from import to facts.

use super::{builtin, get};
use datafusion::arrow::datatypes::{DataType, Schema};
use std::collections::BTreeMap;
use std::path::Path;
use treaty_app::import::Silent;
use treaty_app::layout;
use treaty_app::raw::{RawChunk, RawTable, TextColumn};
use treaty_app::report::Cell;
use treaty_domain::agreement::{AgreementSet, parse, template};
use treaty_domain::zone::{LocalDay, Zone};
use treaty_engine::case::Case;
use treaty_engine::facts;
use treaty_engine::metrics::{explain, keys};
use treaty_engine::record::{AT_ONCE, ImportOptions, Incoming, Record};

/// A file of comma-separated lines, the first of which names the columns.
pub fn csv(table: &str, lines: &[&str]) -> Incoming {
    let mut columns: Vec<TextColumn> = lines[0].split(',').map(TextColumn::new).collect();
    for line in &lines[1..] {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push((!cell.is_empty()).then_some(cell));
        }
    }
    let raw = RawTable {
        name: table.to_owned(),
        file: format!("{table}.csv"),
        chunks: vec![RawChunk { columns, lines: (2..).take(lines.len() - 1).collect() }],
        faults: Vec::new(),
    };
    Incoming::Text { table: layout::table(table).expect(table), raw }
}

/// A company of one account: Ada is handed over and won, Bo waits.
async fn small_company(home: &Path) -> Case {
    let source = vec![
        csv("accounts", &["account_id,name,territory,segment,industry", "acme,Acme,West,enterprise,steel"]),
        csv(
            "people",
            &[
                "person_id,account_id,created_at,lead_source,campaign_id,owner_id,offer",
                "ada,acme,2025-01-06T09:00:00Z,Webinar,c1,rep,paper",
                "bo,acme,2025-01-07T09:00:00Z,Search,c2,rep,paper",
            ],
        ),
        csv(
            "opportunities",
            &[
                "opportunity_id,account_id,kind,owner_id,created_at,amount,currency,campaign_id,agreed",
                "o1,acme,new_business,rep,2025-02-03T09:00:00Z,1200.50,USD,c1,yes",
            ],
        ),
        csv("opportunity_contacts", &["opportunity_id,person_id,is_primary", "o1,ada,true"]),
        csv(
            "stage_changes",
            &["subject_type,subject_id,changed_at,stage", "person,ada,2025-01-08T09:00:00Z,mql", "opportunity,o1,2025-02-10T09:00:00Z,demo", "opportunity,o1,2025-03-03T09:00:00Z,won"],
        ),
        csv("touchpoints", &["touchpoint_id,person_id,occurred_at,campaign_id,responded", "t1,ada,2025-01-06T09:00:00Z,c1,true"]),
        csv("activities", &["activity_id,person_id,occurred_at,user_id,kind,direction", "a1,ada,2025-01-09T15:30:00Z,rep,call,outbound"]),
        csv(
            "handoffs",
            &[
                "handoff_id,person_id,passed_at,assigned_to,decision,decided_at,value,currency",
                "h1,ada,2025-01-09T15:00:00Z,rep,accepted,2025-01-09T16:00:00Z,900,USD",
                "h2,bo,2025-01-09T15:00:00Z,rep,pending,,,",
            ],
        ),
        csv("campaigns", &["campaign_id,name,channel,intent", "c1,Webinar,event,acquire", "c2,Search,search,acquire"]),
        csv("users", &["user_id,name,team", "rep,Rita,west"]),
        csv("spend", &["campaign_id,channel,spent_on,amount,currency", "c1,event,2025-01-02,300.25,USD"]),
        csv("purchases", &["account_id,purchased_at,product_line,amount,currency,kind", "acme,2019-01-02T00:00:00Z,basic,50,USD,order"]),
    ];
    company_of(home, source).await
}

/// A company of these rows.
pub async fn company_of(home: &Path, source: Vec<Incoming>) -> Case {
    let record = Record::init(home).await.expect("record");
    let known = |s: &str| ["lead", "mql", "sal", "opportunity", "demo", "won", "lost", "disqualified", "recycled"].contains(&s);
    let options = ImportOptions {
        at: 1_751_400_000_000_000,
        what: "a small company".to_owned(),
        source_name: "test".to_owned(),
        zone: Zone::new("America/New_York").expect("zone"),
        dry_run: false,
        known_stage: &known,
        known_stages_help: String::new(),
        origin: treaty_app::import::Origin::default(),
        at_once: AT_ONCE,
    };
    let result = record.import(source, options, &Silent).await.expect("import");
    assert_eq!(result.faults, []);
    let day = jiff::civil::date(2025, 6, 30);
    let text = template("Acme", jiff::civil::date(2024, 1, 1), "America/New_York");
    // One gate, which opportunity o1 passes on its way to the demo.
    let text = text.replacen("# gate = [ ", "gate = [", 1).replacen("#   { id = \"agrees", "{ id = \"agrees", 1).replacen("# ]", "]", 1);
    let (agreement, _) = parse(&text, "agreement.toml").expect("agreement");
    let set = AgreementSet::new(vec![agreement]).expect("agreement");
    Case::open(&record, &set, builtin(), LocalDay::from(day), false).await.expect("case")
}

#[tokio::test]
async fn the_list_of_columns_is_what_the_pass_yields() {
    let home = tempfile::tempdir().expect("home");
    let case = small_company(home.path()).await;
    for (name, listed) in facts::schemas() {
        let derived = &case.facts.tables[name];
        let columns = |s: &Schema| -> Vec<(String, DataType)> {
            s.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect()
        };
        // Behind the listed columns stand the custom attributes, and the mark of quarantine.
        let mut made = columns(&derived.schema);
        let custom: Vec<String> = made.split_off(listed.fields().len()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(columns(&listed), made, "{name}: crates/engine/src/facts/schemas.rs");
        assert!(custom.is_empty() || custom == ["offer", "agreed", "quarantined"], "{name}: {custom:?}");
        assert!(derived.rows() > 0, "{name}: the test has rows");
        for key in keys(name) {
            assert!(listed.field_with_name(key).is_ok(), "{name}.{key}");
        }
    }
}

#[tokio::test]
async fn every_metric_can_be_asked_of_a_record() {
    let home = tempfile::tempdir().expect("home");
    let case = small_company(home.path()).await;
    let cx = case.facts.session(1).await.expect("session");
    let period = Some(("2025-01-01", "2025-04-01"));
    let mut values = BTreeMap::new();
    for m in case.catalogue.iter() {
        let e = explain(&cx, m, None, period, Some(10), 0).await.unwrap_or_else(|e| panic!("{}: {e}", m.id));
        for d in &m.dimensions {
            let rows = cx.sql(&m.sql(&[d], None, period)).await.unwrap_or_else(|e| panic!("{} by {d}: {e}", m.id));
            rows.collect().await.unwrap_or_else(|e| panic!("{} by {d}: {e}", m.id));
        }
        values.insert(m.id.clone(), (e.numerator, e.denominator));
    }
    let expected = [
        ("leads", Some(2.0), None),
        ("conversion_rate", Some(1.0), Some(2.0)),
        ("won_amount", Some(120_050.0), None),
        ("amount_per_lead", Some(120_050.0), Some(2.0)),
        ("median_lead_to_close_days", Some(56.0), None),
        ("accepted_of_passed", Some(1.0), Some(2.0)),
        ("accepted_of_decided", Some(1.0), Some(1.0)),
        ("accepted_value", Some(90_000.0), None),
        ("worked_rate", Some(1.0), Some(2.0)),
        ("median_minutes_to_attempt", Some(30.0), None),
        ("net_new_share", Some(2.0), Some(2.0)),
        ("to_revenue", Some(1.0), Some(1.0)),
        ("pipeline_created", Some(120_050.0), None),
        ("sourced_pipeline", Some(120_050.0), None),
        ("influenced_pipeline", Some(120_050.0), None),
        ("win_rate", Some(1.0), Some(1.0)),
        ("median_cycle_days", Some(28.0), None),
        ("open_leads", Some(1.0), None),
        ("untouched_leads", Some(1.0), None),
        ("spend_amount", Some(30_025.0), None),
        ("gate_leakage", Some(0.0), Some(1.0)),
    ];
    for (id, numerator, denominator) in expected {
        assert_eq!(values[id], (numerator, denominator), "{id}");
    }
    // Custom attributes of the record are columns, for filters and for metrics of the user.
    let e = explain(&cx, get(&case.catalogue, "leads"), Some("offer = 'paper'"), None, None, 0).await.expect("filter");
    assert_eq!(e.value, Cell::Count(2));
}
