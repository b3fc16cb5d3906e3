//! What the record lacks, what that does to which number, and what to switch on in the source.

use super::lineage::{self, Need};
use super::{Trust, rows_of};
use crate::error::EngineError;
use crate::reports::{self, Ask, column, grouped_count};
use std::collections::{BTreeMap, BTreeSet};
use treaty_app::layout::{self, Table};
use treaty_app::report::{Cell, Report, Unit};

/// A column that fewer rows than this share have is thin.
const THIN: f64 = 0.5;

/// Columns that only some rows can have: table, column, which rows.
const POPULATIONS: &[(&str, &str, &str)] = &[
    ("handoffs", "decided_at", "decision IN ('accepted', 'rejected')"),
    ("handoffs", "reason", "decision = 'rejected'"),
    ("handoffs", "value", "decision = 'accepted'"),
    ("handoffs", "currency", "value IS NOT NULL"),
    ("opportunities", "currency", "amount IS NOT NULL"),
    ("activities", "person_id", "opportunity_id IS NULL"),
    ("activities", "opportunity_id", "person_id IS NULL"),
    ("spend", "campaign_id", "channel IS NULL"),
    ("spend", "channel", "campaign_id IS NULL"),
];

/// Columns whose absence says something in itself, so that few rows having them is no gap: the default is the usual case.
const DEFAULTED: &[(&str, &str)] = &[
    ("activities", "automated"),
    ("activities", "direction"),
    ("touchpoints", "responded"),
    ("opportunity_contacts", "is_primary"),
    ("stage_changes", "reason"),
    ("campaigns", "intent"),
    ("people", "campaign_id"),
    ("opportunities", "campaign_id"),
    ("opportunities", "lead_source"),
    ("opportunities", "territory"),
    ("opportunities", "kind"),
    ("field_changes", "old_value"),
    ("field_changes", "new_value"),
];

/// What to do where neither the pack nor anybody else says it.
const ADVICE: &[(&str, &str)] = &[
    ("stage_changes", "switch on the history of stages in the source, or let Treaty make it from now on: `treaty import --snapshot`, every day"),
    ("field_changes", "switch on field history of owner and amount, or import with `--snapshot` every day"),
    ("handoffs", "log when a lead is passed to whom, and the decision: a status, a queue or a field with a date"),
    ("activities", "have calls, e-mails and meetings logged at the lead, by the telephone system and the mail add-in rather than by hand"),
    ("touchpoints", "import campaign members, form fills, page views or e-mail responses of the marketing system"),
    ("opportunity_contacts", "make the contact role a required field of opportunities"),
    ("campaigns", "import the campaigns with their channel"),
    ("spend", "import the cost by campaign and day from the ad platforms or a sheet"),
    ("opportunities", "import the opportunities of the CRM"),
    ("people", "import leads and contacts"),
    ("accounts", "import accounts"),
    ("users", "import users with their team"),
    ("purchases", "import orders or invoices"),
    ("fx_rates", "import exchange rates, one a currency and week at least"),
];

/// What rests on a column.
#[derive(Default)]
struct Resting {
    metrics: BTreeSet<String>,
    reports: BTreeSet<&'static str>,
    helped: BTreeSet<String>,
}

/// A gap before it is put in order.
struct Gap {
    grade: usize,
    weight: usize,
    row: Vec<Cell>,
}

const GRADES: [&str; 3] = ["serious", "thin", "light"];

pub(super) async fn report(trust: &Trust<'_>) -> Result<Report, EngineError> {
    let columns = vec![
        column("grade", "Grade", Unit::Text, ""),
        column("table", "Table", Unit::Text, ""),
        column("column", "Column", Unit::Text, ""),
        column("source", "Source", Unit::Text, ""),
        column("filled", "Filled", Unit::Share, ""),
        column("metrics", "Metrics that rest on it", Unit::Count, ""),
        column("effect", "What that does", Unit::Text, ""),
        column("switch_on", "What to switch on", Unit::Text, ""),
    ];
    let mut out = trust.blank("gaps", "What is missing, and which numbers does that touch?", columns).await?;
    let resting = resting(trust).await?;
    let mut gaps = Vec::new();
    for table in layout::TABLES {
        let used: BTreeMap<&str, &Resting> = resting.iter().filter(|((t, _), _)| *t == table.name).map(|((_, c), r)| (*c, r)).collect();
        if used.is_empty() {
            continue;
        }
        let fills = fills(trust, table, used.keys().copied()).await?;
        if fills.is_empty() {
            gaps.push(empty_table(trust, table, &used).await?);
            continue;
        }
        for (at, name) in used.keys().enumerate() {
            let rests = used[name];
            let (filled, of) = fills.values().fold((0, 0), |(a, b), f| (a + f[at].0, b + f[at].1));
            let absent = of > 0 && filled == 0;
            if absent {
                gaps.push(gap(trust, table.name, name, "(all)", (filled, of), rests));
                continue;
            }
            if DEFAULTED.contains(&(table.name, name)) {
                continue;
            }
            for (source, f) in fills.iter().filter(|(_, f)| f[at].1 > 0 && (f[at].0 as f64) < THIN * f[at].1 as f64) {
                gaps.push(gap(trust, table.name, name, source, f[at], rests));
            }
        }
    }
    gaps.sort_by_key(|g| (g.grade, std::cmp::Reverse(g.weight)));
    let serious = gaps.iter().filter(|g| g.grade == 0).count();
    let total = gaps.len();
    out.rows = gaps.into_iter().map(|g| g.row).collect();
    out.provisional = vec![false; out.rows.len()];
    out.answer = match (serious, total) {
        (0, 0) => "Nothing is missing that a metric rests on.".to_owned(),
        (0, 1) => "Nothing is missing altogether; 1 column is thin or would make numbers finer.".to_owned(),
        (0, n) => format!("Nothing is missing altogether; {} columns are thin or would make numbers finer.", grouped_count(n as i64)),
        (s, n) => format!("{} of {} gaps are serious: numbers that rest on them cannot be told.", s, grouped_count(n as i64)),
    };
    out.method = format!(
        "A metric rests on the columns that its file names, these on columns of the record. Serious: no row has it, and some metric needs it. Thin: fewer than {:.0} % of the rows of a source that could have it do. Light: a default stands in, so numbers are coarser.",
        THIN * 100.0
    );
    Ok(out)
}

/// Metrics and reports by the column of the record that they rest on.
async fn resting(trust: &Trust<'_>) -> Result<BTreeMap<(&'static str, &'static str), Resting>, EngineError> {
    let catalogue = &trust.case.catalogue;
    let mut all: BTreeMap<(&'static str, &'static str), Resting> = BTreeMap::new();
    for metric in catalogue.iter() {
        for Need { table, column, helps } in lineage::needs_of_metric(catalogue, &metric.id) {
            let r = all.entry((table, column)).or_default();
            if helps { r.helped.insert(metric.id.clone()) } else { r.metrics.insert(metric.id.clone()) };
        }
    }
    let desk = trust.case.desk(1).await?;
    for name in reports::NAMES {
        // A report that the agreement has nothing for is no report that data are missing for.
        let Ok(report) = reports::report(&desk, name, &Ask::default()).await else { continue };
        let metrics = report.columns.iter().filter_map(|c| c.metric.as_deref());
        for need in lineage::needs_of_report(catalogue, name, metrics) {
            let r = all.entry((need.table, need.column)).or_default();
            if !need.helps {
                r.reports.insert(name);
            }
        }
    }
    Ok(all)
}

/// Rows that have a column, and rows that could, by source and in the order of the columns.
async fn fills<'c>(
    trust: &Trust<'_>,
    table: &Table,
    columns: impl Iterator<Item = &'c str>,
) -> Result<BTreeMap<String, Vec<(i64, i64)>>, EngineError> {
    let mut list = Vec::new();
    for (i, name) in columns.enumerate() {
        let name_sql = crate::sql::quoted(name);
        match POPULATIONS.iter().find(|(t, c, _)| *t == table.name && *c == name) {
            Some((_, _, which)) => {
                list.push(format!("count({name_sql}) FILTER (WHERE {which}) AS c{i}, count(*) FILTER (WHERE {which}) AS n{i}"));
            }
            None => list.push(format!("count({name_sql}) AS c{i}, count(*) AS n{i}")),
        }
    }
    let text = format!("SELECT _source, {} FROM {} GROUP BY _source", list.join(", "), rows_of(table.name));
    let rows = trust.rows(&text, 1).await?;
    let n = list.len();
    let of = |r: &reports::Row| (0..n).map(|i| (r.int(&format!("c{i}")), r.int(&format!("n{i}")))).collect();
    Ok(rows.iter().map(|r| (r.dim(0).unwrap_or_default().to_owned(), of(r))).collect())
}

async fn empty_table(trust: &Trust<'_>, table: &Table, used: &BTreeMap<&str, &Resting>) -> Result<Gap, EngineError> {
    let mut all = Resting::default();
    for r in used.values() {
        all.metrics.extend(r.metrics.iter().cloned());
        all.reports.extend(r.reports.iter());
        all.helped.extend(r.helped.iter().cloned());
    }
    all.helped.retain(|m| !all.metrics.contains(m));
    // Rates matter once there is a second currency.
    if table.name == "fx_rates" && trust.one("SELECT count(*) AS n FROM opportunities WHERE rate_missing").await?.int("n") == 0 {
        all.metrics.clear();
        all.reports.clear();
    }
    Ok(gap(trust, table.name, "(no rows)", "(all)", (0, 0), &all))
}

fn gap(trust: &Trust<'_>, table: &str, name: &str, source: &str, (filled, of): (i64, i64), rests: &Resting) -> Gap {
    let needed = !rests.metrics.is_empty() || !rests.reports.is_empty();
    let grade = match (filled, needed) {
        (_, false) => 2,
        (0, true) if source == "(all)" => 0,
        (_, true) => 1,
    };
    let some = |list: Vec<&str>| {
        let shown: Vec<&str> = list.iter().copied().take(4).collect();
        let more = list.len() - shown.len();
        if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
    };
    let metrics: Vec<&str> = rests.metrics.iter().map(String::as_str).collect();
    let reports: Vec<&str> = rests.reports.iter().copied().collect();
    let helped: Vec<&str> = rests.helped.iter().map(String::as_str).collect();
    let mut effect = Vec::new();
    let lost = if grade == 0 { "cannot be told" } else { "are told of a part only" };
    if !metrics.is_empty() {
        effect.push(format!("{lost}: {}", some(metrics)));
    }
    if !reports.is_empty() {
        effect.push(format!("reports: {}", some(reports)));
    }
    if !helped.is_empty() {
        effect.push(format!("coarser: {}", some(helped)));
    }
    let count = if needed { rests.metrics.len() } else { rests.helped.len() };
    Gap {
        grade,
        weight: count,
        row: vec![
            Cell::Text(GRADES[grade].to_owned()),
            Cell::Text(table.to_owned()),
            Cell::Text(name.to_owned()),
            Cell::Text(source.to_owned()),
            if of == 0 { Cell::Blank } else { Cell::ratio(filled, of) },
            Cell::Count(count as i64),
            Cell::Text(effect.join("; ")),
            Cell::Text(advice(trust, table, name, source)),
        ],
    }
}

/// What the pack of the source says about it, else what helps in general.
fn advice(trust: &Trust<'_>, table: &str, column: &str, source: &str) -> String {
    let newest = trust.newest();
    let of = newest.iter().filter(|(s, _)| source == "(all)" || **s == source);
    let full = format!("{table}.{column}");
    for (name, entry) in of {
        let origin = &entry.details.origin;
        for key in [full.as_str(), table, column] {
            let said = origin.hints.iter().chain(&origin.losses).find(|(what, _)| what == key);
            if let Some((_, words)) = said {
                return format!("{name}: {words}");
            }
        }
    }
    let general = ADVICE.iter().find(|(t, _)| *t == table && column == "(no rows)").map(|(_, a)| (*a).to_owned());
    general.unwrap_or_else(|| format!("fill `{column}` of {table} in the source, or map it in the pack"))
}
