//! The metric catalogue: every built-in file holds, and every broken one is refused in words.

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::prelude::SessionContext;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use treaty_app::raw::Fault;
use treaty_app::report::{self, Cell, Reason};
use treaty_domain::agreement::{parse, template};
use treaty_engine::metrics::{Catalogue, IntervalKind, Kind, Metric, Unit, check, explain, keys, run_example};
use treaty_engine::{facts, sql};

#[path = "metrics/company.rs"]
mod company;
#[path = "metrics/health.rs"]
mod health;
#[path = "metrics/lineage.rs"]
mod lineage;

fn builtin() -> Catalogue {
    Catalogue::builtin().unwrap_or_else(|faults| panic!("{}", lines(&faults)))
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(|f| format!("{f}\n")).collect()
}

fn get<'c>(all: &'c Catalogue, id: &str) -> &'c Metric {
    all.get(id).unwrap_or_else(|| panic!("there is no metric {id}"))
}

#[test]
fn every_file_of_the_repository_is_in_the_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../metrics");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("metrics")
        .filter_map(|e| Some(e.ok()?.path().file_name()?.to_str()?.strip_suffix(".toml")?.to_owned()))
        .collect();
    let known: BTreeSet<String> = builtin().iter().map(|m| m.id.clone()).collect();
    assert_eq!(files, known);
    assert!(known.len() >= 30);
}

#[test]
fn every_metric_keeps_every_rule() {
    let schemas = facts::schemas();
    let mut faults = Vec::new();
    for m in builtin().iter() {
        let schema = schemas.get(m.fact.as_str()).unwrap_or_else(|| panic!("{}: no fact {}", m.id, m.fact));
        faults.extend(check(m, schema));
        assert_eq!(m.file, format!("metrics/{}.toml", m.id));
        for (heading, text) in m.doc.parts() {
            assert!(!text.is_empty(), "{}: {heading}", m.id);
            assert!(heading == "standard_term" || heading == "method" || text.ends_with(['.', '?']), "{}: {heading} is a sentence", m.id);
        }
    }
    assert!(faults.is_empty(), "{}", lines(&faults));
}

#[test]
fn every_clause_is_one_of_the_agreement() {
    let text = template("Acme", jiff::civil::date(2026, 1, 1), "UTC");
    let (agreement, _) = parse(&text, "agreement.toml").expect("agreement");
    for m in builtin().iter() {
        if let Some(clause) = &m.clause {
            assert!(agreement.line(clause) > 0, "{}: there is no clause {clause}", m.id);
        }
    }
}

#[test]
fn numerators_and_denominators_know_their_units() {
    let all = builtin();
    let units = |id: &str| get(&all, id).units();
    assert_eq!(units("amount_per_lead"), (report::Unit::Money, Some(report::Unit::Count)));
    assert_eq!(units("revenue_of_accepted_value"), (report::Unit::Money, Some(report::Unit::Money)));
    assert_eq!(units("installed_to_new"), (report::Unit::Count, Some(report::Unit::Count)));
    assert_eq!(units("median_cycle_days"), (report::Unit::Days, None));
    assert_eq!(units("median_minutes_to_attempt"), (report::Unit::Minutes, None));
    assert_eq!(units("accepted_value"), (report::Unit::Money, None));
    assert_eq!(units("leads"), (report::Unit::Count, None));
}

#[tokio::test]
async fn every_example_holds() {
    let mut wrong = Vec::new();
    for m in builtin().iter() {
        for e in &m.examples {
            if let Err(reason) = run_example(m, e).await {
                wrong.push(format!("{}:{}: {reason}", m.file, e.line));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn an_example_that_does_not_hold_says_what_came_out() {
    let all = builtin();
    let m = get(&all, "conversion_rate");
    let mut e = m.examples[0].clone();
    e.expected.numerator = Some(34.0);
    assert_eq!(run_example(m, &e).await, Err("the numerator is 33, not 34".to_owned()));
    let mut e = m.examples[0].clone();
    e.expected.undefined = Some(Reason::ZeroDenominator);
    assert!(run_example(m, &e).await.is_err_and(|e| e.contains("not undefined")));
    let mut e = m.examples[0].clone();
    e.rows[0].cells.push(("convreted".to_owned(), "true".to_owned()));
    assert_eq!(run_example(m, &e).await, Err("`convreted` is not a column of the fact".to_owned()));
}

/// A repeatable stream of numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

/// A fact table of random rows that keep the promises of the fold between columns.
fn random_table(fact: &str, rows: usize, dice: &mut Dice) -> RecordBatch {
    let schema = Arc::clone(&facts::schemas()[fact]);
    let word = |name: &str, dice: &mut Dice| -> Option<String> {
        let list: &[&str] = match name {
            "status" => &["open", "converted", "won", "lost", "disqualified", "recycled"],
            "decision" => &["pending", "accepted", "rejected"],
            "base" => &["net_new", "lapsed", "installed"],
            "origin" => &["new", "recycled"],
            "promise" => &["speed_to_lead", "leads_worked"],
            "gate" => &["none", "go", "no_go", "incomplete"],
            "subject_type" => &["lead", "opportunity"],
            "age_bucket" => &["no_activity", "d0_7"],
            "stage" => &["mql", "sal"],
            _ => &["", "x", "y"],
        };
        let word = list[dice.roll(list.len() as u64) as usize];
        (!word.is_empty()).then(|| word.to_owned())
    };
    let mut columns: Vec<Vec<Option<String>>> = Vec::new();
    for field in schema.fields() {
        let key = keys(fact).contains(&field.name().as_str());
        let column = (0..rows)
            .map(|i| match field.data_type() {
                _ if key && field.name().ends_with("_id") => Some(format!("r{i:04}")),
                _ if !key && dice.roll(12) == 0 => None,
                DataType::Boolean => Some((dice.roll(2) == 0).to_string()),
                DataType::Int64 | DataType::Int32 | DataType::Float64 => Some(dice.roll(10).to_string()),
                DataType::Date32 => Some(format!("2026-{:02}-{:02}", 1 + dice.roll(12), 1 + dice.roll(28))),
                DataType::Timestamp(..) => Some(format!("2026-{:02}-{:02}T09:30:00Z", 1 + dice.roll(12), 1 + dice.roll(28))),
                _ => word(field.name(), dice),
            })
            .collect();
        columns.push(column);
    }
    if fact == "handoffs" {
        let at = |name: &str| schema.index_of(name).expect("column");
        let decisions = columns[at("decision")].clone();
        for (flag, word) in [("accepted", "accepted"), ("invalid_rejection", "rejected")] {
            for (cell, _) in columns[at(flag)].iter_mut().zip(&decisions).filter(|(_, d)| d.as_deref() != Some(word)) {
                *cell = Some("false".to_owned());
            }
        }
    }
    let arrays: Vec<ArrayRef> = columns
        .into_iter()
        .zip(schema.fields())
        .map(|(texts, f)| cast(&(Arc::new(StringArray::from(texts)) as ArrayRef), f.data_type()).expect("cast"))
        .collect();
    RecordBatch::try_new(schema, arrays).expect("table")
}

fn session_over(fact: &str, table: RecordBatch) -> SessionContext {
    let cx = sql::session();
    cx.register_batch(fact, table).expect("register");
    cx
}

async fn ask(cx: &SessionContext, question: &str) -> Vec<Option<f64>> {
    let got = cx.sql(question).await.unwrap_or_else(|e| panic!("{question}: {e}")).collect().await.expect(question);
    assert_eq!(got.iter().map(RecordBatch::num_rows).sum::<usize>(), 1, "{question}");
    let row = got.iter().find(|b| b.num_rows() == 1).expect("a row");
    row.columns()
        .iter()
        .map(|c| {
            let c = cast(c, &DataType::Float64).expect("number");
            let c = c.as_primitive::<Float64Type>();
            c.iter().next().flatten()
        })
        .collect()
}

#[tokio::test]
async fn shares_lie_between_0_and_1_and_equal_the_records_behind_them() {
    let all = builtin();
    let mut shares = 0;
    for m in all.iter().filter(|m| m.interval == Some(IntervalKind::Wilson)) {
        shares += 1;
        for seed in 0..5 {
            let cx = session_over(&m.fact, random_table(&m.fact, 400, &mut Dice(seed)));
            let period = Some(("2026-02-01", "2026-11-01"));
            let e = explain(&cx, m, None, period, Some(1000), 0).await.expect(&m.id);
            let (num, den) = (e.numerator.expect("numerator"), e.denominator.expect("denominator"));
            assert!(0.0 <= num && num <= den && den > 0.0, "{}: {num} / {den}", m.id);
            let (low, high) = e.interval.expect("interval");
            assert!(low <= num / den && num / den <= high, "{}", m.id);
            let records = e.rows.expect("rows");
            let count = |name: &str| {
                let at = records.columns.iter().position(|c| c == name).expect(name);
                records.rows.iter().filter(|r| r[at] == "true").count() as f64
            };
            assert_eq!((count("in_numerator"), count("in_denominator")), (num, den), "{}", m.id);
            assert_eq!(records.total, records.rows.len() as u64, "{}", m.id);
            assert!(records.rows.is_sorted(), "{}: by id", m.id);
        }
    }
    assert!(shares >= 14);
    for m in all.iter().filter(|m| m.kind == Kind::Cohort && m.unit == Unit::Ratio && m.interval.is_none()) {
        let exempt = ["installed_to_new", "revenue_of_accepted_value"];
        assert!(exempt.contains(&m.id.as_str()), "{}: a cohort ratio that is no share says so here", m.id);
    }
}

#[tokio::test]
async fn metrics_of_one_fact_fit_into_one_query() {
    let all = builtin();
    let period = Some(("2026-03-01", "2026-09-01"));
    for (fact, schema) in facts::schemas() {
        let mine: Vec<&Metric> = all.iter().filter(|m| m.fact == fact).collect();
        if mine.is_empty() {
            continue;
        }
        let cx = session_over(fact, random_table(fact, 500, &mut Dice(7)));
        let lists: Vec<String> = mine.iter().map(|m| m.select_list(&m.id)).collect();
        let whole = ask(&cx, &format!("SELECT {} FROM {fact}", lists.join(", "))).await;
        let lists: Vec<String> = mine.iter().map(|m| m.select_list_where(&m.id, &m.conditions(Some("attempt = 1 OR true"), period))).collect();
        let of_period = match schema.field_with_name("attempt") {
            Ok(_) => Some(ask(&cx, &format!("SELECT {} FROM {fact}", lists.join(", "))).await),
            Err(_) => None,
        };
        let mut exprs = Vec::new();
        let (mut alone, mut alone_of_period) = (Vec::new(), Vec::new());
        for m in &mine {
            alone.extend(ask(&cx, &m.sql(&[], None, None)).await);
            if of_period.is_some() {
                alone_of_period.extend(ask(&cx, &m.sql(&[], Some("attempt = 1 OR true"), period)).await);
            }
            let (num, den) = m.exprs(&cx, &schema).expect("expressions");
            exprs.push(num.alias(format!("{}_n", m.id)));
            exprs.extend(den.map(|d| d.alias(format!("{}_d", m.id))));
        }
        assert_eq!(whole, alone, "{fact}");
        if let Some(of_period) = of_period {
            assert_eq!(of_period, alone_of_period, "{fact}");
        }
        let table = cx.table(fact).await.expect(fact).aggregate(vec![], exprs).expect("aggregate");
        let got = table.collect().await.expect("collect");
        let by_exprs: Vec<Option<f64>> = got[0]
            .columns()
            .iter()
            .map(|c| cast(c, &DataType::Float64).expect("number").as_primitive::<Float64Type>().iter().next().flatten())
            .collect();
        assert_eq!(by_exprs, alone, "{fact}");
    }
}

#[test]
fn the_sql_can_be_read() {
    let all = builtin();
    let sql = get(&all, "worked_rate").sql(&["assigned_to"], Some("territory = 'West' or territory is null"), Some(("2026-04-01", "2026-07-01")));
    assert_eq!(
        sql,
        "SELECT \"assigned_to\",\n       count(*) FILTER (WHERE is_due AND met) AS numerator,\n       count(*) FILTER (WHERE is_due) AS denominator\n\
         FROM sla_clocks\nWHERE (promise = 'speed_to_lead')\n  AND (territory = 'West' OR territory IS NULL)\n  \
         AND \"started_on\" >= DATE '2026-04-01'\n  AND \"started_on\" < DATE '2026-07-01'\nGROUP BY \"assigned_to\"\nORDER BY \"assigned_to\" NULLS LAST"
    );
    assert_eq!(
        get(&all, "worked_rate").select_list("worked"),
        "count(*) FILTER (WHERE (promise = 'speed_to_lead') AND (is_due AND met)) AS \"worked\", \
         count(*) FILTER (WHERE (promise = 'speed_to_lead') AND is_due) AS \"worked_denominator\""
    );
    assert_eq!(get(&all, "leads").select_list("leads"), "count(*) AS \"leads\"");
    // A snapshot has no period, and a comment cannot swallow what follows.
    let sql = get(&all, "open_leads").sql(&[], Some("true -- or not"), Some(("2026-04-01", "2026-07-01")));
    assert_eq!(sql, "SELECT count(*) FILTER (WHERE is_open) AS numerator\nFROM leads\nWHERE (true)");
}

#[test]
fn values_follow_the_rules_for_undefined_and_small_numbers() {
    let all = builtin();
    let rate = get(&all, "conversion_rate");
    assert_eq!(rate.value(Some(0.0), Some(0.0), 10), Cell::Undefined(Reason::ZeroDenominator));
    assert_eq!(rate.value(Some(0.0), Some(5.0), 0), Cell::Ratio { numerator: 0, denominator: 5 });
    assert_eq!(rate.value(Some(0.0), Some(5.0), 10), Cell::Suppressed { n: 5, min_n: 10 });
    assert_eq!(rate.value(Some(3.0), Some(10.0), 10), Cell::Ratio { numerator: 3, denominator: 10 });
    assert_eq!(rate.value(None, Some(5.0), 0), Cell::Ratio { numerator: 0, denominator: 5 });
    let (low, high) = rate.interval_of(Some(33.0), Some(157.0)).expect("interval");
    assert!((low - 0.1538).abs() < 5e-5 && (high - 0.2805).abs() < 5e-5, "{low} {high}");
    let per_lead = get(&all, "amount_per_lead");
    assert_eq!(per_lead.value(Some(940_800.0), Some(157.0), 1000), Cell::Money(5992));
    assert_eq!(per_lead.value(Some(5.0), Some(2.0), 0), Cell::Money(3)); // half away from zero
    assert_eq!(per_lead.value(Some(-5.0), Some(2.0), 0), Cell::Money(-3));
    assert_eq!(per_lead.interval_of(Some(1.0), Some(2.0)), None);
    assert_eq!(get(&all, "won_amount").value(Some(0.0), None, 10), Cell::Money(0));
    assert_eq!(get(&all, "leads").value(Some(4.0), None, 10), Cell::Count(4));
    assert_eq!(get(&all, "median_cycle_days").value(None, None, 0), Cell::Undefined(Reason::EmptyPopulation));
    assert_eq!(get(&all, "median_cycle_days").value(Some(25.5), None, 0), Cell::Number(25.5));
    assert_eq!(get(&all, "revenue_of_accepted_value").value(Some(3.0), Some(2.0), 10), Cell::Ratio { numerator: 3, denominator: 2 });
}

#[test]
fn a_cohort_is_provisional_until_it_is_mature() {
    let all = builtin();
    let day = |s: &str| s.parse().expect("a day");
    let rate = get(&all, "conversion_rate"); // 90 days
    assert!(rate.is_provisional(day("2026-04-01"), day("2026-06-28")));
    assert!(!rate.is_provisional(day("2026-04-01"), day("2026-06-29"))); // the end of 29 June is 30 June: 90 days
    assert!(!rate.is_provisional(day("2026-04-02"), day("2026-06-30")));
    assert!(rate.is_provisional(day("2026-04-03"), day("2026-06-30")));
    assert!(!get(&all, "leads").is_provisional(day("2026-07-01"), day("2026-06-30")));
}

#[tokio::test]
async fn an_explanation_shows_definition_sql_value_and_records() {
    let all = builtin();
    let m = get(&all, "conversion_rate");
    let cx = session_over("leads", random_table("leads", 50, &mut Dice(1)));
    cx.sql("CREATE VIEW old AS SELECT * FROM leads").await.expect("view");
    let e = explain(&cx, m, Some("lead_source = 'x'"), Some(("2026-01-01", "2027-01-01")), Some(3), 1).await.expect("explanation");
    assert_eq!(e.title, m.title);
    assert!(e.definition.iter().any(|l| l == "only where: lead_source = 'x'"), "{:?}", e.definition);
    assert!(e.definition.iter().any(|l| l == "period: created_on from 2026-01-01 to before 2027-01-01"));
    assert_eq!(e.sql, m.sql(&[], Some("lead_source = 'x'"), Some(("2026-01-01", "2027-01-01"))));
    assert_eq!(e.clause, None);
    let records = e.rows.expect("records");
    assert_eq!(records.columns, ["lead_id", "lead_source", "created_on", "converted", "in_numerator", "in_denominator"]);
    assert_eq!(records.rows.len(), 3);
    assert_eq!(Some(records.total as f64), e.denominator);
    assert!(records.rows.iter().all(|r| r[1] == "x" && r[2].starts_with("2026-") && r[5] == "true" && (r[3] == "true") == (r[4] == "true")));

    let m = get(&all, "median_lead_to_close_days");
    let e = explain(&cx, m, None, None, Some(100), 0).await.expect("explanation");
    let records = e.rows.expect("records");
    assert_eq!(records.columns, ["lead_id", "days_to_close", "won", "in_numerator"]);
    assert!(records.rows.iter().all(|r| !r[1].is_empty() && r[2] == "true" && r[3] == "true"));
    assert_eq!((e.denominator, e.interval), (None, None));
    let none = explain(&cx, m, Some("false"), None, None, 0).await.expect("explanation");
    assert_eq!((none.numerator, none.value, none.rows), (None, Cell::Undefined(Reason::EmptyPopulation), None));

    let wrong = explain(&cx, m, Some("lead_sorce = 'x'"), None, None, 0).await.expect_err("a wrong filter");
    assert!(wrong.to_string().contains("Did you mean 'lead_source'"), "{wrong}");
    let small = explain(&cx, get(&all, "conversion_rate"), None, None, None, 100).await.expect("explanation");
    assert_eq!((small.value, small.interval), (Cell::Suppressed { n: 50, min_n: 100 }, None));
}

#[test]
fn a_slip_of_the_pen_is_understood() {
    let all = builtin();
    assert_eq!(all.suggest("conversion_rat"), Some("conversion_rate"));
    assert_eq!(all.suggest("Worked Rate"), Some("worked_rate"));
    assert_eq!(all.suggest("leakage"), Some("gate_leakage"));
    assert_eq!(all.suggest("zzzzzzzz"), None);
}

/// A sound metric of a user.
const MINE: &str = r#"
[metric]
id = "mine"
title = "Leads from the west"
fact = "leads"
kind = "cohort"
anchor = "created_on"
unit = "ratio"
better = "higher"
owner = "both"
filter = "territory = 'West'"
numerator = "count(*) FILTER (WHERE converted)"
denominator = "count(*)"
dimensions = ["lead_source"]
interval = "wilson"
[doc]
what = "w"
why = "w"
how_to_read = "h"
pitfalls = "p"
standard_term = "s"
method = "A9"
[[example]]
why = "One of two."
rows = [ { territory = "West", converted = true }, { territory = "West", converted = false } ]
expected = { numerator = 1, denominator = 2 }
"#;

fn faults_of(name: &str, text: &str, attributes: &[String]) -> Result<Catalogue, Vec<Fault>> {
    let home = tempfile::tempdir().expect("folder");
    std::fs::write(home.path().join(name), text).expect("file");
    builtin().with_dir_and(home.path(), attributes)
}

#[tokio::test]
async fn metrics_of_the_user_stand_beside_the_built_in_ones() {
    let all = faults_of("mine.toml", MINE, &[]).unwrap_or_else(|f| panic!("{}", lines(&f)));
    let mine = get(&all, "mine");
    assert_eq!(all.iter().count(), builtin().iter().count() + 1);
    assert!(mine.file.ends_with("mine.toml"));
    run_example(mine, &mine.examples[0]).await.expect("example");
    assert!(builtin().with_dir(Path::new("/nowhere/at/all")).is_ok());

    let with_offer = MINE.replace("\"lead_source\"]", "\"lead_source\", \"offer\"]").replace("territory = 'West'", "offer = 'webinar'");
    assert!(faults_of("mine.toml", &with_offer, &["offer".to_owned()]).is_ok());
    assert!(faults_of("mine.toml", &with_offer, &[]).is_err());
}

/// What each broken file is told; the line is that of the slip.
#[test]
fn every_rule_is_told_with_its_line() {
    let cases: &[(&str, &str, &str)] = &[
        // statements, several expressions, names
        ("numerator = \"count(*) FILTER (WHERE converted)\"", "numerator = \"1; drop table leads\"", "mine.toml:12: numerator: "),
        ("numerator = \"count(*) FILTER (WHERE converted)\"", "numerator = \"count(*), count(*)\"", "mine.toml:12: numerator: "),
        ("numerator = \"count(*) FILTER (WHERE converted)\"", "numerator = \"select count(*) from leads\"", "mine.toml:12: numerator: "),
        ("numerator = \"count(*) FILTER (WHERE converted)\"", "numerator = \"count(*) AS n\"", "gives a name, which is not allowed here"),
        // what is not an aggregate of this fact
        ("FILTER (WHERE converted)", "+ (select count(*) from handoffs)", "a sub-query is not allowed here"),
        ("FILTER (WHERE converted)", "+ sum(attempt) over ()", "a window function is not allowed here"),
        ("FILTER (WHERE converted)", "FILTER (WHERE random() < 0.5)", "a function whose answer changes from call to call is not allowed here"),
        ("FILTER (WHERE converted)", "FILTER (WHERE created_at < now())", "a function whose answer changes from call to call is not allowed here"),
        ("FILTER (WHERE converted)", "FILTER (WHERE convertd)", "Did you mean 'converted'?"),
        ("FILTER (WHERE converted)", "FILTER (WHERE met)", "No field named met"),
        ("FILTER (WHERE converted)", "+ opportunities", "`opportunities` stands outside an aggregate"),
        ("count(*) FILTER (WHERE converted)", "1 + 1", "numerator: counts nothing: it must be an aggregate"),
        ("count(*) FILTER (WHERE converted)", "max(lead_source)", "numerator: is not a number"),
        ("count(*) FILTER (WHERE converted)", "median(days_to_close)", "a median of whole numbers loses the half"),
        ("count(*) FILTER (WHERE converted)", "approx_distinct(person_id)", "approx_distinct is an estimate"),
        ("count(*) FILTER (WHERE converted)", "first_value(opportunities)", "first_value depends on the order of rows"),
        ("count(*) FILTER (WHERE converted)", "frobnicate(*)", "frobnicate"),
        // the filter
        ("territory = 'West'", "teritory = 'West'", "mine.toml:11: filter: No field named teritory. Did you mean 'territory'?"),
        ("territory = 'West'", "count(*) > 1", "an aggregate is not allowed here"),
        ("territory = 'West'", "attempt + 1", "filter: is not a condition"),
        ("territory = 'West'", "person_id in (select person_id from handoffs)", "a sub-query is not allowed here"),
        ("territory = 'West'", "created_on = current_date", "filter: a function whose answer changes from call to call"),
        // columns
        ("[\"lead_source\"]", "[\"lead_sorce\"]", "mine.toml:14: dimensions: `lead_sorce` is not a column of leads. Did you mean `lead_source`?"),
        ("[\"lead_source\"]", "[\"lead_source\", \"lead_source\"]", "`lead_source` is there twice"),
        ("anchor = \"created_on\"", "anchor = \"craeted_on\"", "mine.toml:7: anchor: `craeted_on` is not a column of leads. Did you mean `created_on`?"),
        ("anchor = \"created_on\"", "anchor = \"created_at\"", "`created_at` is not a date; take the local day"),
        ("fact = \"leads\"", "fact = \"lead\"", "mine.toml:5: fact: there is no fact table `lead`. Did you mean `leads`?"),
        // keys and words
        ("owner = \"both\"", "owner = \"sale\"", "mine.toml:10: owner: `sale` is not one of marketing, sales, both. Did you mean `sales`?"),
        ("owner = \"both\"", "", "mine.toml:2: owner: is missing"),
        ("kind = \"cohort\"", "kind = 7", "mine.toml:6: kind: must be a text in quotation marks"),
        ("interval = \"wilson\"", "intervall = \"wilson\"", "mine.toml:15: intervall: [metric] has no such key. Did you mean `interval`?"),
        ("interval = \"wilson\"", "maturity_days = -1", "maturity_days: must be a whole number, 0 or more"),
        ("dimensions = [\"lead_source\"]", "dimensions = \"lead_source\"", "dimensions: must be a list of texts"),
        ("[doc]", "[docs]", "docs: a metric file has no such key. Did you mean `doc`?"),
        ("title = \"Leads from the west\"", "title = \"Leads", "this is not TOML"),
        // kinds
        ("kind = \"cohort\"", "kind = \"snapshot\"", "anchor: a snapshot is a stock"),
        ("anchor = \"created_on\"", "", "anchor: is missing: the date column that puts a row into a period"),
        ("denominator = \"count(*)\"", "", "denominator: a ratio needs one"),
        ("unit = \"ratio\"", "unit = \"money\"", "interval: only a ratio of counts has one"),
        ("denominator = \"count(*)\"", "denominator = \"sum(attempts)\"", "interval: wilson is for a count over a count"),
        // name, documentation, examples
        ("id = \"mine\"", "id = \"yours\"", "id: `yours` is not the name of the file; name the file yours.toml"),
        ("id = \"mine\"", "id = \"My-Metric\"", "id: may have small letters"),
        ("id = \"mine\"", "id = \"leads\"", "id: `leads` is the metric of metrics/leads.toml; choose another id"),
        ("pitfalls = \"p\"", "", "doc.pitfalls: pitfalls is missing"),
        ("pitfalls = \"p\"", "pitfalls = \"\"", "doc.pitfalls: pitfalls is missing"),
        ("converted = true }", "convreted = true }", "mine.toml:25: convreted: is not a column of leads. Did you mean `converted`?"),
        ("converted = true }", "attempts = \"many\" }", "attempts: does not fit the column"),
        ("converted = true }", "times = 0 }", "times: must be a whole number above 0"),
        ("expected = { numerator = 1, denominator = 2 }", "", "expected: is missing"),
        ("expected = { numerator = 1, denominator = 2 }", "expected = { undefined = \"zero_denominators\" }", "Did you mean `zero_denominator`?"),
        ("expected = { numerator = 1, denominator = 2 }", "expected = {}", "expected: says nothing"),
        ("why = \"One of two.\"", "", "why: is missing"),
        ("why = \"One of two.\"", "why = \"One of two.\"\nperiod = [2026-01-01]", "period: must be the first day and the day after the last"),
    ];
    for (right, wrong, told) in cases {
        assert!(MINE.contains(right), "{right}");
        let text = MINE.replacen(right, wrong, 1);
        let faults = faults_of("mine.toml", &text, &[]).expect_err(wrong);
        let all = lines(&faults);
        assert!(all.lines().any(|l| l.contains(told)), "`{wrong}` should be told: {told}\nbut was told:\n{all}");
    }
    let no_example = MINE.split("[[example]]").next().unwrap_or_default();
    let faults = faults_of("mine.toml", no_example, &[]).expect_err("no example");
    assert!(lines(&faults).contains("example: has none: at least one [[example]]"));
}

#[test]
fn all_faults_are_told_at_once() {
    let text = MINE
        .replace("owner = \"both\"", "owner = \"bth\"")
        .replace("created_on", "craeted_on")
        .replace("territory = 'West'", "teritory = 'West'")
        .replace("converted)\"", "convertd)\"")
        .replace("\"lead_source\"", "\"lead_sorce\"")
        .replace("why = \"w\"", "wy = \"w\"");
    let faults = faults_of("mine.toml", &text, &[]).expect_err("many faults");
    let told: Vec<u64> = faults.iter().map(|f| f.line).collect();
    assert_eq!(told, [7, 10, 11, 12, 14, 16, 18], "{}", lines(&faults));
}
