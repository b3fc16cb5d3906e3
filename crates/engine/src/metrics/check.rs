//! What a metric may be: every rule, each broken one with its line.

use super::expression::{self, parser};
use super::file::did_you_mean;
use super::{Example, ExampleRow, Kind, Metric, Unit, example, keys};
use crate::sql;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr, ExprSchemable};
use std::path::Path;
use treaty_app::raw::Fault;

/// Most rows of an example, repetitions included.
pub(super) const EXAMPLE_ROWS_MAX: u64 = 100_000;

/// Everything that is wrong with a metric, given the columns of its fact table; empty when it is fine.
pub fn check(metric: &Metric, schema: &Schema) -> Vec<Fault> {
    let mut faults = Vec::new();
    identity(metric, &mut faults);
    columns(metric, schema, &mut faults);
    expressions(metric, schema, &mut faults);
    documentation(metric, &mut faults);
    examples(metric, schema, &mut faults);
    faults.sort();
    faults.dedup();
    faults
}

fn identity(m: &Metric, faults: &mut Vec<Fault>) {
    let simple = |s: &str| s.starts_with(|c: char| c.is_ascii_lowercase()) && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !m.id.is_empty() && !simple(&m.id) {
        faults.push(m.fault("id", "may have small letters, digits and _, and begins with a letter"));
    }
    let stem = Path::new(&m.file).file_stem().and_then(|s| s.to_str()).unwrap_or_default();
    if !m.id.is_empty() && stem != m.id {
        faults.push(m.fault("id", format!("`{}` is not the name of the file; name the file {}.toml", m.id, m.id)));
    }
    if !m.lines.contains_key("title") || m.title.is_empty() {
        faults.push(m.fault("title", "is empty"));
    }
    match (m.kind, &m.anchor) {
        (Kind::Snapshot, Some(_)) => faults.push(m.fault("anchor", "a snapshot is a stock at the as-of date and has no anchor; leave it out")),
        (Kind::Cohort | Kind::Flow, None) => {
            let reason = format!("is missing: the date column that puts a row into a period (kind = \"{}\")", m.kind.word());
            faults.push(m.fault("anchor", reason));
        }
        _ => {}
    }
    if m.kind == Kind::Snapshot && m.maturity_days > 0 {
        faults.push(m.fault("maturity_days", "a snapshot does not ripen; leave it out"));
    }
    if m.unit == Unit::Ratio && m.denominator.is_none() {
        faults.push(m.fault("denominator", "a ratio needs one, so that groups can be added up before dividing"));
    }
    if m.interval.is_some() && m.unit != Unit::Ratio {
        faults.push(m.fault("interval", "only a ratio of counts has one"));
    }
}

fn columns(m: &Metric, schema: &Schema, faults: &mut Vec<Fault>) {
    let names = || schema.fields().iter().map(|f| f.name().as_str());
    let unknown = |name: &str| format!("`{name}` is not a column of {}.{}", m.fact, did_you_mean(name, names()));
    if let Some(anchor) = &m.anchor {
        match schema.field_with_name(anchor) {
            Err(_) => faults.push(m.fault("anchor", unknown(anchor))),
            Ok(f) if *f.data_type() != DataType::Date32 => {
                faults.push(m.fault("anchor", format!("`{anchor}` is not a date; take the local day, which ends in _on")));
            }
            Ok(_) => {}
        }
    }
    let mut seen = Vec::new();
    for d in &m.dimensions {
        match schema.field_with_name(d) {
            Err(_) => faults.push(m.fault("dimensions", unknown(d))),
            Ok(f) if f.data_type().is_floating() => {
                faults.push(m.fault("dimensions", format!("`{d}` is a measured number; slice by something that repeats")));
            }
            Ok(_) if seen.contains(&d) => faults.push(m.fault("dimensions", format!("`{d}` is there twice"))),
            Ok(_) => seen.push(d),
        }
    }
}

fn expressions(m: &Metric, schema: &Schema, faults: &mut Vec<Fault>) {
    let mut counted = true;
    if let Some(filter) = &m.filter {
        match parsed(filter, schema, false) {
            Err(reason) => faults.push(m.fault("filter", reason)),
            Ok(expr) if kind_of(&expr, schema).is_some_and(|t| t != DataType::Boolean) => {
                faults.push(m.fault("filter", "is not a condition: it must be true or false for each row"));
            }
            Ok(_) => {}
        }
    }
    for (key, text) in [("numerator", Some(&m.numerator)), ("denominator", m.denominator.as_ref())] {
        let Some(text) = text.filter(|t| !t.is_empty()) else { continue };
        match parsed(text, schema, true) {
            Err(reason) => faults.push(m.fault(key, reason)),
            Ok(expr) => {
                faults.extend(aggregate(&expr, schema).into_iter().map(|reason| m.fault(key, reason)));
                counted &= matches!(&expr, Expr::AggregateFunction(f) if f.func.name() == "count");
            }
        }
    }
    if m.interval.is_some() && m.unit == Unit::Ratio && !counted {
        faults.push(m.fault("interval", "wilson is for a count over a count; leave it out"));
    }
}

/// The expression, if it is one and nothing else.
fn parsed(text: &str, schema: &Schema, aggregates: bool) -> Result<Expr, String> {
    expression::parse(text)?;
    let expr = sql::expression(parser(), text, schema, aggregates).map_err(|reason| match reason.split_once('\n') {
        // A near miss needs no list of all columns.
        Some((first, _)) if first.contains("Did you mean") => first.to_owned(),
        _ => reason.replace('\n', " "),
    })?;
    Ok(expr.unalias())
}

/// What keeps an expression from being one aggregate figure.
fn aggregate(expr: &Expr, schema: &Schema) -> Vec<String> {
    let (mut reasons, mut any, mut outside) = (Vec::new(), false, Vec::new());
    let walked = expr.apply(|e| {
        Ok(match e {
            Expr::AggregateFunction(f) => {
                any = true;
                reasons.extend(unsteady(f, schema));
                TreeNodeRecursion::Jump
            }
            Expr::Column(c) => {
                if !outside.contains(&c.name) {
                    outside.push(c.name.clone());
                }
                TreeNodeRecursion::Continue
            }
            _ => TreeNodeRecursion::Continue,
        })
    });
    if let Err(e) = walked {
        reasons.push(sql::sentence(&e));
    }
    for column in &outside {
        reasons.push(format!("`{column}` stands outside an aggregate; write sum({column}) or count(*) FILTER (WHERE …)"));
    }
    if !any && outside.is_empty() {
        reasons.push("counts nothing: it must be an aggregate such as count(*) or sum(amount)".to_owned());
    }
    if any && reasons.is_empty() {
        match typed(expr, schema) {
            Err(reason) => reasons.push(reason),
            Ok(t) if !t.is_numeric() => reasons.push(format!("is not a number but {t}")),
            Ok(_) => {}
        }
    }
    reasons
}

/// Aggregates whose answer is an estimate, depends on the order of rows, or loses the half.
fn unsteady(f: &AggregateFunction, schema: &Schema) -> Option<String> {
    let name = f.func.name();
    if name.starts_with("approx_") {
        return Some(format!("{name} is an estimate; take the exact aggregate, such as median(…)"));
    }
    if ["first_value", "last_value", "nth_value"].contains(&name) && f.params.order_by.is_empty() {
        return Some(format!("{name} depends on the order of rows; say which: {name}(… ORDER BY …)"));
    }
    let whole = f.params.args.first().and_then(|a| kind_of(a, schema)).is_some_and(|t| t.is_integer());
    (name == "median" && whole).then(|| "a median of whole numbers loses the half; write median(CAST(… AS DOUBLE))".to_owned())
}

fn typed(expr: &Expr, schema: &Schema) -> Result<DataType, String> {
    let schema = DFSchema::try_from(schema.clone()).map_err(|e| sql::sentence(&e))?;
    expr.get_type(&schema).map_err(|e| sql::sentence(&e))
}

fn kind_of(expr: &Expr, schema: &Schema) -> Option<DataType> {
    typed(expr, schema).ok()
}

fn documentation(m: &Metric, faults: &mut Vec<Fault>) {
    for (heading, text) in m.doc.parts() {
        if text.is_empty() {
            let line = m.lines.get("doc").copied().unwrap_or(1);
            let reason = format!("{heading} is missing: the documentation of a metric has what, why, how_to_read, pitfalls, standard_term and method");
            faults.push(Fault { file: m.file.clone(), line, column: Some(format!("doc.{heading}")), reason });
        }
    }
}

fn examples(m: &Metric, schema: &Schema, faults: &mut Vec<Fault>) {
    if m.examples.is_empty() {
        faults.push(Fault {
            file: m.file.clone(),
            line: 0,
            column: Some("example".to_owned()),
            reason: "has none: at least one [[example]] shows by hand what the number is".to_owned(),
        });
    }
    for e in &m.examples {
        one_example(m, e, schema, faults);
    }
}

fn one_example(m: &Metric, e: &Example, schema: &Schema, faults: &mut Vec<Fault>) {
    let at = |line: u64, key: &str, reason: String| Fault { file: m.file.clone(), line, column: Some(key.to_owned()), reason };
    if e.why.is_empty() {
        faults.push(at(e.line, "why", "is empty: tell the story and the arithmetic".to_owned()));
    }
    if e.rows.iter().fold(0u64, |n, r| n.saturating_add(r.times)) > EXAMPLE_ROWS_MAX {
        faults.push(at(e.line, "rows", format!("are more than {EXAMPLE_ROWS_MAX}")));
    }
    if e.expected.denominator.is_some() && m.denominator.is_none() {
        faults.push(at(e.line, "expected", "names a denominator, but the metric has none".to_owned()));
    }
    if e.period.is_some() && m.anchor.is_none() {
        faults.push(at(e.line, "period", "the metric has no anchor, so no period".to_owned()));
    }
    for ExampleRow { cells, line, .. } in &e.rows {
        for (column, text) in cells {
            match schema.field_with_name(column) {
                Err(_) => {
                    let hint = did_you_mean(column, schema.fields().iter().map(|f| f.name().as_str()));
                    faults.push(at(*line, column, format!("is not a column of {}.{hint}", m.fact)));
                }
                Ok(field) => faults.extend(example::cell(text, field.data_type()).err().map(|reason| at(*line, column, reason))),
            }
        }
    }
}

/// A fault when the fact of a metric does not exist; its other rules cannot be checked then.
pub(super) fn unknown_fact<'f>(m: &Metric, facts: impl Iterator<Item = &'f str> + Clone) -> Option<Fault> {
    if m.fact.is_empty() || facts.clone().any(|f| f == m.fact) {
        return None;
    }
    let list: Vec<&str> = facts.clone().filter(|f| !keys(f).is_empty()).collect();
    Some(m.fault("fact", format!("there is no fact table `{}`.{} There are: {}", m.fact, did_you_mean(&m.fact, facts), list.join(", "))))
}
