//! How a number came to be: definition, clause, SQL, value, and the records behind it (S14).

use super::{Metric, example, keys};
use crate::error::EngineError;
use crate::sql;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::Schema;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::{DataFrame, SessionContext};
use treaty_app::report::Cell;

const FORMAT: FormatOptions<'static> = FormatOptions::new().with_null("").with_display_error(true);

/// A metric, its value and what stands behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// Title.
    pub title: String,
    /// The definition in lines: what it is, its fact, population, numerator, denominator, period.
    pub definition: Vec<String>,
    /// Clause of the agreement it follows.
    pub clause: Option<String>,
    /// The SQL that was asked.
    pub sql: String,
    /// The numerator; none when there was nothing to aggregate. Money is in minor units.
    pub numerator: Option<f64>,
    /// The denominator, if the metric has one.
    pub denominator: Option<f64>,
    /// The value, or why there is none.
    pub value: Cell,
    /// 95 % interval of a share that is shown.
    pub interval: Option<(f64, f64)>,
    /// The records behind it, if they were asked for.
    pub rows: Option<Records>,
}

/// Records of a fact behind a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    /// What identifies a record, the columns that the definition mentions, then `in_numerator` and,
    /// if there is a denominator, `in_denominator`.
    pub columns: Vec<String>,
    /// Cells as text, in the order of the ids; empty where there is nothing.
    pub rows: Vec<Vec<String>>,
    /// How many there are in all.
    pub total: u64,
}

/// Explains a metric over the facts of a session.
///
/// `filter` is a condition over the fact, `period` the first day and the day after the last, `rows`
/// how many of the records behind the number are wanted, and a share over fewer than `min_n` cases is
/// suppressed.
///
/// # Errors
/// When the filter is wrong, or the session does not hold the fact.
pub async fn explain(
    cx: &SessionContext,
    metric: &Metric,
    filter: Option<&str>,
    period: Option<(&str, &str)>,
    rows: Option<usize>,
    min_n: i64,
) -> Result<Explanation, EngineError> {
    let table = cx.table(metric.fact.as_str()).await?;
    let schema = Schema::clone(table.schema().as_arrow());
    if let Some(filter) = filter {
        sql::condition(cx, filter, &schema).map_err(|reason| EngineError::Ask(format!("`{filter}`: {reason}")))?;
    }
    let question = metric.sql(&[], filter, period);
    let got = cx.sql(&question).await?.collect().await?;
    let figure = |i: usize| -> Result<Option<f64>, EngineError> {
        let column = got.iter().find(|b| b.num_rows() > 0).and_then(|b| b.columns().get(i));
        column.map_or(Ok(None), |c| example::number(c).map_err(EngineError::Ask))
    };
    let numerator = figure(0)?;
    let denominator = if metric.denominator.is_some() { figure(1)? } else { None };
    let value = metric.value(numerator, denominator, min_n);
    let interval = match value {
        Cell::Ratio { .. } | Cell::Share(_) => metric.interval_of(numerator, denominator),
        _ => None,
    };
    let rows = match rows {
        Some(limit) => Some(records(cx, metric, &schema, table, filter, period, limit).await?),
        None => None,
    };
    let definition = definition(metric, filter, period);
    let clause = metric.clause.clone();
    Ok(Explanation { title: metric.title.clone(), definition, clause, sql: question, numerator, denominator, value, interval, rows })
}

fn definition(m: &Metric, filter: Option<&str>, period: Option<(&str, &str)>) -> Vec<String> {
    let mut lines = vec![m.doc.what.clone(), format!("fact: {}, {} in {}", m.fact, m.kind.word(), m.unit.word())];
    lines.extend(m.filter.iter().map(|f| format!("population: {f}")));
    lines.extend(filter.map(|f| format!("only where: {f}")));
    lines.push(format!("numerator: {}", m.numerator));
    lines.extend(m.denominator.iter().map(|d| format!("denominator: {d}")));
    match (&m.anchor, period) {
        (Some(anchor), Some((from, to))) => lines.push(format!("period: {anchor} from {from} to before {to}")),
        (Some(anchor), None) => lines.push(format!("period: by {anchor}; none was asked for")),
        (None, _) => lines.push("as of: the stock at the as-of date".to_owned()),
    }
    if m.maturity_days > 0 {
        lines.push(format!("provisional: until {} days after the period", m.maturity_days));
    }
    lines
}

async fn records(
    cx: &SessionContext,
    metric: &Metric,
    schema: &Schema,
    table: DataFrame,
    filter: Option<&str>,
    period: Option<(&str, &str)>,
    limit: usize,
) -> Result<Records, EngineError> {
    let read = |text: &str| sql::expression(cx, text, schema, true).map_err(EngineError::Ask);
    let numerator = read(&metric.numerator)?;
    let denominator = metric.denominator.as_deref().map(read).transpose()?;
    let mut names: Vec<String> = keys(&metric.fact).iter().map(|k| (*k).to_owned()).collect();
    let mut population = lit(true);
    for condition in metric.conditions(filter, period) {
        let condition = read(&condition)?;
        mention(&condition, &mut names)?;
        population = population.and(condition);
    }
    mention(&numerator, &mut names)?;
    let mut flags = vec![membership(&numerator)?.alias("in_numerator")];
    let mut behind = membership(&numerator)?;
    if let Some(d) = &denominator {
        mention(d, &mut names)?;
        flags.push(membership(d)?.alias("in_denominator"));
        behind = behind.or(membership(d)?);
    }
    let behind = table.filter(population.and(behind))?;
    let total = behind.clone().count().await? as u64;
    let mut shown: Vec<Expr> = names.iter().map(column).collect();
    shown.extend(flags);
    let order: Vec<_> = keys(&metric.fact).iter().map(|k| column(k).sort(true, false)).collect();
    let found = behind.select(shown)?.sort(order)?.limit(0, Some(limit))?;
    names.push("in_numerator".to_owned());
    if denominator.is_some() {
        names.push("in_denominator".to_owned());
    }
    Ok(Records { columns: names, rows: texts(&found.collect().await?)?, total })
}

fn column(name: impl AsRef<str>) -> Expr {
    col(sql::quoted(name.as_ref()))
}

/// Adds the columns that an expression names.
fn mention(expr: &Expr, names: &mut Vec<String>) -> Result<(), EngineError> {
    expr.apply(|e| {
        if let Expr::Column(c) = e
            && !names.contains(&c.name)
        {
            names.push(c.name.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// Whether a record takes part in an expression: one of its aggregates takes it (FILTER holds, and
/// there is something to aggregate).
fn membership(expr: &Expr) -> Result<Expr, EngineError> {
    let mut any = lit(false);
    expr.apply(|e| {
        let Expr::AggregateFunction(f) = e else { return Ok(TreeNodeRecursion::Continue) };
        let mut takes = lit(true);
        if let Some(filter) = &f.params.filter {
            takes = takes.and(filter.as_ref().clone().is_true());
        }
        for arg in f.params.args.iter().filter(|a| a.any_column_refs()) {
            takes = takes.and(arg.clone().is_not_null());
        }
        any = any.clone().or(takes);
        Ok(TreeNodeRecursion::Jump)
    })?;
    Ok(any)
}

fn texts(batches: &[RecordBatch]) -> Result<Vec<Vec<String>>, EngineError> {
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<ArrayFormatter<'_>> =
            batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &FORMAT)).collect::<Result<_, _>>()?;
        rows.extend((0..batch.num_rows()).map(|i| columns.iter().map(|c| c.value(i).to_string()).collect()));
    }
    Ok(rows)
}
