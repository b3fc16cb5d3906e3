//! `metric list` and `metric explain`.

use super::{Outcome, case};
use crate::args::{Color, Format, MetricCommand, Slice, When};
use crate::home::{Home, catalogue};
use crate::output;
use std::path::Path;
use treaty_app::render::json::pretty;
use treaty_app::render::format;
use treaty_engine::metrics::{self, Explanation, Metric};

/// Runs a metric command.
pub async fn run(dir: &Path, what: MetricCommand, color: Color) -> Outcome {
    match what {
        MetricCommand::List => list(dir),
        MetricCommand::Explain { id, when, slice, rows, limit, format } => {
            explain(dir, &id, &when, &slice, rows.then_some(limit), format, color).await
        }
    }
}

/// All metrics: built-in ones and, in a home, those beside the agreement.
fn list(dir: &Path) -> Outcome {
    let catalogue = catalogue(dir).map_err(|all| all.join("\n"))?;
    let wide = catalogue.iter().map(|m| m.id.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for m in catalogue.iter() {
        text.push_str(&format!("{:<wide$}  {:<14} {:<9} {:<9} {}\n", m.id, m.fact, m.kind.word(), m.owner.word(), m.title));
    }
    output::put(&text, None)?;
    Ok(0)
}

async fn explain(dir: &Path, id: &str, when: &When, slice: &Slice, rows: Option<usize>, format: Format, _color: Color) -> Outcome {
    let home = Home::open(dir)?;
    let case = case(&home, when).await?;
    let metric = case.catalogue.get(id).ok_or_else(|| {
        let near = case.catalogue.suggest(id).map_or_else(String::new, |s| format!("; did you mean `{s}`?"));
        format!("there is no metric `{id}`{near} `treaty metric list` shows them all")
    })?;
    let period = slice.period.as_deref().map(|p| home.newest().fiscal.parse_period(p)).transpose()?;
    let dates = period.as_ref().map(|p| (p.from.to_string(), p.to.to_string()));
    let bounds = dates.as_ref().map(|(a, b)| (a.as_str(), b.as_str()));
    let desk = case.desk(1).await.map_err(|e| e.to_string())?;
    let min_n = desk.agreement.rules.min_n;
    let e = metrics::explain(&desk.cx, metric, slice.filter.as_deref(), bounds, rows, min_n).await.map_err(|e| e.to_string())?;
    let text = match format {
        Format::Json => pretty(&as_json(metric, &e, &case.provenance)),
        Format::Csv => rows_csv(&e)?,
        Format::Table => as_text(metric, &e, &case.provenance, home.newest().line(metric.clause.as_deref().unwrap_or(""))),
        Format::Parquet | Format::Html => return Err("metric explain knows the formats table, csv (the rows) and json".to_owned()),
    };
    output::put(&text, None)?;
    Ok(0)
}

fn as_text(metric: &Metric, e: &Explanation, p: &treaty_app::report::Provenance, line: usize) -> String {
    let number = |x: Option<f64>| match (x, metric.unit) {
        (None, _) => "–".to_owned(),
        (Some(x), metrics::Unit::Money) => format!("{} {}", format::money(x as i64, p.exponent, p.exponent as usize), p.currency),
        (Some(x), _) if x.fract() == 0.0 => format::count(x as i64),
        (Some(x), _) => format!("{x}"),
    };
    let mut text = format!("{}\n\n", e.title);
    for (heading, body) in metric.doc.parts() {
        text.push_str(&format!("  {:<14}{body}\n", heading.replace('_', " ")));
    }
    text.push('\n');
    for line in &e.definition {
        text.push_str(&format!("  {line}\n"));
    }
    if let Some(clause) = &e.clause {
        let at = if line > 0 { format!(" (agreement.toml, line {line})") } else { String::new() };
        text.push_str(&format!("  clause: {clause}{at}\n"));
    }
    text.push_str(&format!("\n{}\n\n", e.sql));
    text.push_str(&format!("  value         {}\n", format::alone(&e.value, &p.currency, p.exponent)));
    if metric.denominator.is_some() {
        text.push_str(&format!("  numerator     {}\n  denominator   {}\n", number(e.numerator), number(e.denominator)));
    }
    if let Some((low, high)) = e.interval {
        text.push_str(&format!("  95 % interval {} to {}\n", format::percent(low), format::percent(high)));
    }
    text.push_str(&format!(
        "  rests on      agreement {} ({}), record version {}, as of {} ({})\n",
        p.agreement, p.agreement_name, p.record_version, p.as_of, p.basis
    ));
    if let Some(records) = &e.rows {
        text.push_str(&format!("\n{} of {} rows behind it\n", records.rows.len(), records.total));
        text.push_str(&super::query::grid(&records.columns, &records.rows));
    }
    text
}

fn rows_csv(e: &Explanation) -> Result<String, String> {
    let records = e.rows.as_ref().ok_or("--format csv shows the rows: add --rows")?;
    let rows = records.rows.iter().map(|r| r.iter().map(|c| Some(c.clone())).collect::<Vec<_>>()).collect::<Vec<_>>();
    super::query::as_csv(&records.columns, &rows)
}

fn as_json(metric: &Metric, e: &Explanation, p: &treaty_app::report::Provenance) -> serde_json::Value {
    let doc: serde_json::Map<String, serde_json::Value> =
        metric.doc.parts().into_iter().map(|(k, v)| (k.to_owned(), serde_json::Value::from(v))).collect();
    serde_json::json!({
        "metric": metric.id,
        "title": e.title,
        "definition": e.definition,
        "doc": doc,
        "clause": e.clause,
        "sql": e.sql,
        "value": e.value.value(p.exponent),
        "numerator": e.numerator,
        "denominator": e.denominator,
        "interval": e.interval.map(|(low, high)| serde_json::json!({ "low": low, "high": high })),
        "agreement": p.agreement,
        "record_version": p.record_version,
        "as_of": p.as_of,
        "basis": p.basis,
        "rows": e.rows.as_ref().map(|r| serde_json::json!({ "columns": r.columns, "rows": r.rows, "total": r.total })),
    })
}
