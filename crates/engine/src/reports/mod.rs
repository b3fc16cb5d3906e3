//! Reports: metrics over a dimension, with the statistics that they need, each an answer to a question.

mod acceptance;
mod aging;
mod attribution;
mod funnel;
mod goal;
mod influence;
mod quarantine;
mod ratios;
mod recycle;
mod rows;
mod sources;
mod speed;
mod weakest;

use crate::error::EngineError;
use crate::facts::{self, Facts};
use crate::metrics::Catalogue;
use crate::sql;
use datafusion::prelude::SessionContext;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OnceCell;
pub use goal::{headline, promises};
pub(crate) use rows::{Row, Rows};
use treaty_app::report::{Cell, Column, Provenance, Report, Unit};
use treaty_domain::agreement::{Agreement, AgreementSet};
use treaty_domain::period::Period;

/// Names of the reports in the order of the review.
pub const NAMES: [&str; 13] = [
    "goal", "funnel", "weakest", "what-if", "sources", "aging", "speed", "acceptance", "ratios", "influence", "attribution", "recycle",
    "value",
];

/// Which kind of funnel (C1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FunnelKind {
    /// Leads that began in the period, followed to the as-of date: a probability.
    #[default]
    Cohort,
    /// First entries in the period, whenever the lead began: throughput.
    Flow,
    /// Stock in each stage at the as-of instant.
    Snapshot,
}

/// What is asked of a report beside its name.
#[derive(Debug, Clone, Default)]
pub struct Ask {
    /// A further dimension, a column of the report's facts.
    pub by: Option<String>,
    /// A condition over the columns of the report's facts.
    pub filter: Option<String>,
    /// The period; without one, everything up to the as-of date counts.
    pub period: Option<Period>,
    /// Kind of funnel.
    pub funnel: FunnelKind,
    /// Stage that the scenario of `what-if` improves; the weakest one by default.
    pub stage: Option<String>,
    /// By how many percentage points; 6 by default.
    pub points: Option<f64>,
}

/// Where reports are made: facts, catalogue, agreement.
pub struct Desk<'a> {
    /// Session over the facts.
    pub cx: SessionContext,
    /// Facts.
    pub facts: &'a Facts,
    /// Metrics.
    pub catalogue: &'a Catalogue,
    /// All versions of the agreement.
    pub set: &'a AgreementSet,
    /// The one in force at the as-of date.
    pub agreement: &'a Agreement,
    /// What every number rests on; `period` and `filter` are filled in by each report.
    pub provenance: Provenance,
    /// Answers to grouped queries by their text: reports of a review ask some of them twice.
    pub(crate) answers: Mutex<HashMap<String, Arc<OnceCell<Rows>>>>,
}

/// Makes a report by name.
///
/// # Errors
/// When there is no such report, or the filter or the dimension is wrong: what, and what would fit.
pub async fn report(desk: &Desk<'_>, name: &str, ask: &Ask) -> Result<Report, EngineError> {
    let mut out = match name {
        "funnel" => funnel::report(desk, ask).await,
        "weakest" => weakest::report(desk, ask).await,
        "what-if" => weakest::what_if(desk, ask).await,
        "sources" => sources::report(desk, ask).await,
        "aging" => aging::report(desk, ask).await,
        "speed" => speed::report(desk, ask).await,
        "acceptance" => acceptance::report(desk, ask).await,
        "ratios" => ratios::report(desk, ask).await,
        "influence" => influence::report(desk, ask).await,
        "attribution" => attribution::report(desk, ask).await,
        "recycle" => recycle::report(desk, ask).await,
        "goal" => goal::report(desk, ask).await,
        "value" => goal::value_table(desk, ask).await,
        _ => Err(EngineError::Ask(format!("there is no report `{name}`; the reports are {}", NAMES.join(", ")))),
    }?;
    if matches!(name, "funnel" | "sources") {
        quarantine::remark(desk, ask, &mut out).await?;
    }
    Ok(out)
}

impl Desk<'_> {
    /// Metrics of one fact over dimensions, under the filter and, where a metric has an anchor, the period.
    pub(crate) async fn grouped(&self, ask: &Ask, dims: &[&str], metrics: &[&str], only: &[&str]) -> Result<Rows, EngineError> {
        let mut list = Vec::new();
        let mut fact = None;
        let dates = ask.period.as_ref().map(|p| (p.from.to_string(), p.to.to_string()));
        let period = dates.as_ref().map(|(a, b)| (a.as_str(), b.as_str()));
        for id in metrics {
            let m = self.catalogue.get(id).ok_or_else(|| EngineError::Ask(format!("there is no metric `{id}`")))?;
            let fact = *fact.get_or_insert(m.fact.as_str());
            if fact != m.fact {
                return Err(EngineError::Ask(format!("metric `{id}` reads {}, the others read {fact}", m.fact)));
            }
            list.push(m.select_list_where(id, &m.conditions(None, period)));
        }
        self.select(ask, fact.unwrap_or("leads"), dims, &list, only).await
    }

    /// Aggregates of one fact over dimensions, under the filter.
    pub(crate) async fn select(
        &self,
        ask: &Ask,
        fact: &str,
        dims: &[&str],
        list: &[String],
        only: &[&str],
    ) -> Result<Rows, EngineError> {
        let dims = self.dimensions(ask, fact, dims).await?;
        let mut conditions: Vec<String> = only.iter().map(|c| format!("({c})")).collect();
        conditions.extend(self.filter(ask, fact).await?);
        let names: Vec<String> = dims.iter().map(|d| self.key(fact, d)).collect();
        let mut columns: Vec<String> = names.iter().enumerate().map(|(i, d)| format!("{d} AS dim{i}")).collect();
        columns.extend(list.iter().cloned());
        let mut text = format!("SELECT {} FROM {}", columns.join(", "), facts::coded(fact));
        if !conditions.is_empty() {
            text.push_str(&format!(" WHERE {}", conditions.join(" AND ")));
        }
        if !names.is_empty() {
            text.push_str(&format!(" GROUP BY {}", names.join(", ")));
        }
        let answer = Arc::clone(self.answers.lock().unwrap_or_else(PoisonError::into_inner).entry(text.clone()).or_default());
        let collect = || async {
            let mut rows = Rows::unordered(&self.cx, &text, dims.len()).await?;
            for (i, d) in dims.iter().enumerate() {
                if let Some(words) = self.words(fact, d)? {
                    rows.0.iter_mut().for_each(|r| r.dims[i] = words.of(r.dims[i].as_deref()));
                }
            }
            rows.sort();
            Ok::<_, EngineError>(rows)
        };
        Ok(answer.get_or_try_init(collect).await?.clone())
    }

    /// What to group by for a dimension: the code where words have one, which is quicker than the word.
    pub(crate) fn key(&self, fact: &str, dim: &str) -> String {
        let has_code = self.facts.tables.get(fact).is_some_and(|t| t.has_codes(dim));
        if has_code { sql::quoted(&facts::code(dim)) } else { sql::quoted(dim) }
    }

    /// The words behind the codes of a dimension, if it has codes.
    pub(crate) fn words(&self, fact: &str, dim: &str) -> Result<Option<facts::Words>, EngineError> {
        self.facts.tables.get(fact).map_or(Ok(None), |t| t.words(dim))
    }

    /// The report's own dimensions behind the one that was asked for.
    async fn dimensions(&self, ask: &Ask, fact: &str, dims: &[&str]) -> Result<Vec<String>, EngineError> {
        let mut all = Vec::new();
        if let Some(by) = &ask.by {
            let table = self.cx.table(fact).await?;
            let known: Vec<String> = table.schema().fields().iter().map(|f| f.name().clone()).collect();
            if !known.contains(by) {
                return Err(EngineError::Ask(format!(
                    "`{by}` is no dimension of {fact}; there are {}",
                    known.iter().filter(|k| !k.ends_with("_at") && *k != "attributes").cloned().collect::<Vec<_>>().join(", ")
                )));
            }
            all.push(by.clone());
        }
        all.extend(dims.iter().filter(|d| ask.by.as_deref() != Some(**d)).map(|d| (*d).to_owned()));
        Ok(all)
    }

    /// The filter as a condition of a fact, checked.
    pub(crate) async fn filter(&self, ask: &Ask, fact: &str) -> Result<Option<String>, EngineError> {
        let Some(filter) = &ask.filter else { return Ok(None) };
        let table = self.cx.table(fact).await?;
        let schema = table.schema().as_arrow().clone();
        sql::condition(&self.cx, filter, &schema)
            .map_err(|e| EngineError::Ask(format!("--where {filter}: {e} (columns of {fact})")))?;
        Ok(Some(format!("({filter})")))
    }

    /// An empty report with what every report has.
    pub(crate) fn blank(&self, name: &str, question: &str, ask: &Ask, columns: Vec<Column>) -> Report {
        let mut provenance = self.provenance.clone();
        provenance.period = ask.period.as_ref().map_or_else(|| "all".to_owned(), |p| p.label.clone());
        provenance.filter = ask.filter.clone();
        let mut columns = columns;
        if let Some(by) = &ask.by
            && !columns.iter().any(|c| c.name == *by)
        {
            columns.insert(0, column(by, &title_of(by), Unit::Text, ""));
        }
        Report {
            name: name.to_owned(),
            question: question.to_owned(),
            answer: String::new(),
            columns,
            rows: Vec::new(),
            provisional: Vec::new(),
            chart: None,
            clauses: Vec::new(),
            method: String::new(),
            notes: Vec::new(),
            provenance,
        }
    }

    /// A rate, or why there is none: too few cases are not shown (S12).
    pub(crate) fn rate(&self, numerator: i64, denominator: i64) -> Cell {
        if denominator > 0 && denominator < self.agreement.rules.min_n {
            return Cell::Suppressed { n: denominator, min_n: self.agreement.rules.min_n };
        }
        Cell::ratio(numerator, denominator)
    }

    /// Limits of the 95 % interval of a rate, suppressed and undefined like the rate itself.
    pub(crate) fn limits(&self, numerator: i64, denominator: i64) -> (Cell, Cell) {
        match self.rate(numerator, denominator) {
            Cell::Ratio { .. } => match interval(numerator, denominator) {
                Some((low, high)) => (Cell::Share(low), Cell::Share(high)),
                None => (Cell::Blank, Cell::Blank),
            },
            other => (other.clone(), other),
        }
    }
}

/// Wilson interval of a rate, 95 %.
pub(crate) fn interval(numerator: i64, denominator: i64) -> Option<(f64, f64)> {
    let i = treaty_stats::wilson(u64::try_from(numerator).ok()?, u64::try_from(denominator).ok()?)?;
    Some((i.low, i.high))
}

pub(crate) fn column(name: &str, title: &str, unit: Unit, metric: &str) -> Column {
    Column {
        name: name.to_owned(),
        title: title.to_owned(),
        unit,
        metric: (!metric.is_empty()).then(|| metric.to_owned()),
    }
}

/// `lead_source` as `Lead source`.
pub(crate) fn title_of(name: &str) -> String {
    let text = name.trim_end_matches("_id").replace('_', " ");
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}

/// A dimension value for people.
pub(crate) fn named(value: Option<&str>, missing: &str) -> Cell {
    Cell::Text(value.filter(|v| !v.is_empty()).unwrap_or(missing).to_owned())
}

/// Percent for sentences, one decimal, half away from zero.
pub(crate) fn percent(x: f64) -> String {
    let shown = treaty_stats::round_half_away(x * 100.0, 1);
    format!("{shown:.1} %")
}

/// A count for sentences, with thousands separators.
pub(crate) fn grouped_count(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if n < 0 { format!("-{out}") } else { out }
}

/// Money for sentences: whole major units with the currency.
pub(crate) fn money(minor: i64, provenance: &Provenance) -> String {
    let unit = 10i64.pow(provenance.exponent);
    let half = if minor < 0 { -unit / 2 } else { unit / 2 };
    format!("{} {}", grouped_count((minor + half) / unit), provenance.currency)
}
