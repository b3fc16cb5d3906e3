//! Why a number changed between two days: what the calendar did, and what somebody changed.
//!
//! The headline figures are computed along a path from the earlier to the later view that changes
//! one thing at a time, so that the parts add up exactly:
//!
//! 1. **late data and corrections**: the same day, read from the record as it is at the later day,
//!    without merges made since;
//! 2. **merges**: the same with them;
//! 3. **definition**: the same under the agreement of the later day;
//! 4. **time**: the later day itself: what happened in between.

use crate::case::{Case, view};
use crate::error::EngineError;
use crate::load::View;
use crate::metrics::Catalogue;
use crate::record::Record;
use treaty_app::report::{Cell, Column, Report, Unit};
use treaty_domain::agreement::{Agreement, AgreementSet};
use treaty_domain::zone::LocalDay;

const METRICS: [&str; 12] = [
    "leads", "converted_leads", "won_leads", "won_amount", "open_leads", "untouched_leads", "handoffs_passed", "accepted_value",
    "opportunities_created", "pipeline_created", "open_pipeline", "spend_amount",
];

const PARTS: [(&str, &str); 4] = [
    ("late_or_corrected", "Late data and corrections"),
    ("merges", "Merges"),
    ("definition", "Definition"),
    ("time", "Time"),
];

/// The reconciliation of two days. Counts and money in minor units add up: from, plus the parts, is to.
///
/// # Errors
/// When the record cannot be read.
pub async fn diff(record: &Record, set: &AgreementSet, catalogue: &Catalogue, from: LocalDay, to: LocalDay) -> Result<Report, EngineError> {
    if to < from {
        return Err(EngineError::Ask("--to lies before --from; put the earlier day first".to_owned()));
    }
    let (a, a_imported) = view(record, on(set, from), from, false);
    let (b, b_imported) = view(record, on(set, to), to, false);
    let later = View { version: b.version, as_of: from, as_corrected: true, without_merges_since: None };
    let only_older = until(set, from)?;
    let only_newer = redefined(set, from, to)?;
    let merges = merges_between(record, a.version, b.version).await?;

    let start = figures(record, &only_older, catalogue, a, a_imported).await?;
    let corrected = figures(record, &only_older, catalogue, View { without_merges_since: Some(a.version), ..later }, false).await?;
    let merged = if merges > 0 { figures(record, &only_older, catalogue, later, false).await? } else { corrected.0.clone().into() };
    let redefined = if on(set, from).version_id == on(set, to).version_id {
        merged.0.clone().into()
    } else {
        figures(record, &only_newer, catalogue, later, false).await?
    };
    let end = figures(record, set, catalogue, b, b_imported).await?;

    let mut columns = vec![
        column("metric", "Metric", Unit::Text),
        column("from", &format!("As of {}", a.day()), Unit::Number),
    ];
    columns.extend(PARTS.iter().map(|(n, t)| column(n, t, Unit::Number)));
    columns.push(column("to", &format!("As of {}", b.day()), Unit::Number));
    let mut rows = Vec::new();
    for (i, id) in METRICS.iter().enumerate() {
        let Some(metric) = catalogue.get(id) else { continue };
        let path = [start.0[i], corrected.0[i], merged.0[i], redefined.0[i], end.0[i]];
        let cell = |n: i64| if metric.unit == crate::metrics::Unit::Money { Cell::Money(n) } else { Cell::Count(n) };
        let mut row = vec![Cell::Text(metric.title.clone()), cell(path[0])];
        row.extend(path.windows(2).map(|w| cell(w[1] - w[0])));
        row.push(cell(path[4]));
        rows.push(row);
    }
    let changed = METRICS.iter().enumerate().filter(|(i, _)| start.0[*i] != corrected.0[*i]).count();
    let reopened = end.1 - start.1;
    let mut case = Case::open_view(record, set, catalogue.clone(), b, b_imported).await?;
    case.provenance.period = format!("{} to {}", a.day(), b.day());
    let mut notes = vec![format!(
        "Record version {} at the earlier day, {} at the later one; {merges} merges in between; {reopened} more opportunities were reopened.",
        a.version, b.version
    )];
    if a_imported {
        notes.push("The earlier day lies before the first import: what was known then is not on record, so late data cannot be told apart.".to_owned());
    }
    Ok(Report {
        name: "diff".to_owned(),
        question: "Why did the numbers change?".to_owned(),
        answer: if changed == 0 {
            "Nothing about the earlier day was changed later: all of the difference is what happened since.".to_owned()
        } else {
            format!("{changed} of {} figures of the earlier day were changed later by late data or corrections; the rest is what happened since.", METRICS.len())
        },
        provisional: vec![false; rows.len()],
        columns,
        rows,
        chart: None,
        clauses: Vec::new(),
        method: "The figures are computed along a path that changes one thing at a time: the record as known later, the merges made since, the agreement in force later, and the later day itself. The parts add up exactly.".to_owned(),
        notes,
        provenance: case.provenance,
    })
}

struct Figures(Vec<i64>, i64);

impl From<Vec<i64>> for Figures {
    fn from(list: Vec<i64>) -> Self {
        Self(list, 0)
    }
}

fn on(set: &AgreementSet, day: LocalDay) -> &Agreement {
    set.on(jiff::civil::Date::from(day))
}

/// The versions that were known on a day.
fn until(set: &AgreementSet, day: LocalDay) -> Result<AgreementSet, EngineError> {
    let newest = on(set, day).effective_from;
    let known = set.versions().iter().filter(|a| a.effective_from <= newest).cloned().collect();
    AgreementSet::new(known).map_err(EngineError::Ask)
}

/// The versions known on the later day, the newest of them applied from the earlier one's start.
fn redefined(set: &AgreementSet, from: LocalDay, to: LocalDay) -> Result<AgreementSet, EngineError> {
    let (older, newer) = (on(set, from), on(set, to));
    let mut known: Vec<Agreement> = set.versions().iter().filter(|a| a.effective_from < older.effective_from).cloned().collect();
    known.push(Agreement { effective_from: older.effective_from, ..newer.clone() });
    AgreementSet::new(known).map_err(EngineError::Ask)
}

fn column(name: &str, title: &str, unit: Unit) -> Column {
    Column { name: name.to_owned(), title: title.to_owned(), unit, metric: None }
}

async fn figures(record: &Record, set: &AgreementSet, catalogue: &Catalogue, v: View, imported: bool) -> Result<Figures, EngineError> {
    let case = Case::open_view(record, set, catalogue.clone(), v, imported).await?;
    let desk = case.desk(1).await?;
    let mut out = Vec::new();
    for id in METRICS {
        out.push(desk.grouped(&crate::reports::Ask::default(), &[], &[id], &[]).await?.one().int(id));
    }
    let reopened = desk
        .select(&crate::reports::Ask::default(), "opportunities", &[], &["sum(reopened) AS n".to_owned()], &[])
        .await?
        .one()
        .int("n");
    Ok(Figures(out, reopened))
}

async fn merges_between(record: &Record, from: u64, to: u64) -> Result<usize, EngineError> {
    // Identity keeps more than merges in this table.
    let count = |batches: Vec<datafusion::arrow::array::RecordBatch>| -> usize {
        let kinds = batches.iter().filter_map(|b| crate::load::columns::text(b, "subject_type"));
        kinds.map(|k| k.iter().flatten().filter(|k| ["person", "account", "opportunity"].contains(k)).count()).sum()
    };
    let before = count(record.read("merges", from, &["subject_type"], false).await?);
    let after = count(record.read("merges", to, &["subject_type"], false).await?);
    Ok(after.saturating_sub(before))
}
