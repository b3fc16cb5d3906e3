//! Which open opportunities should go back to marketing? (A13, the seed rule literally)

use super::{Ask, Desk, column, grouped_count};
use crate::error::EngineError;
use crate::facts::Words;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use std::collections::BTreeMap;
use treaty_app::report::{Cell, Report, Unit};

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("opportunity_id", "Opportunity", Unit::Text, ""),
        column("owner_id", "Owner", Unit::Text, ""),
        column("stage", "Stage", Unit::Text, ""),
        column("age_days", "Age in days", Unit::Days, ""),
        column("rule", "Rule", Unit::Text, ""),
        column("verdict", "Verdict", Unit::Text, ""),
        column("amount", "Amount", Unit::Money, ""),
    ];
    let mut out = desk.blank("recycle", "Which open opportunities should go back to marketing?", ask, columns);
    let rules = &desk.agreement.rules;
    let segment = ask.by.as_deref().or(rules.recycle_by.as_deref());
    desk.dimensions(&Ask { by: segment.map(str::to_owned), ..ask.clone() }, "opportunities", &[]).await?;
    let label = segment.map_or_else(|| "''".to_owned(), |s| desk.key("opportunities", s));
    let filter = desk.filter(ask, "opportunities").await?.map_or_else(String::new, |f| format!(" AND {f}"));
    let table = crate::facts::coded("opportunities");
    let lost = super::rows::Rows::collect(
        &desk.cx,
        &format!("SELECT {label} AS label, avg(CAST(lost_days AS DOUBLE)) AS mean, count(*) AS n FROM {table} WHERE lost_at IS NOT NULL AND NOT won{filter} GROUP BY 1"),
        1,
    )
    .await?;
    // Keyed by the label, or its code.
    let mean: BTreeMap<Option<&str>, (f64, i64)> =
        lost.0.iter().filter_map(|r| Some((r.label(), (r.number("mean")?, r.int("n"))))).collect();
    let text = format!(
        "SELECT opportunity_id, {}, {}, CAST(age_days AS DOUBLE), {label}, CAST(amount AS DOUBLE) FROM {table} WHERE is_open{filter}",
        desk.key("opportunities", "owner_id"),
        desk.key("opportunities", "stage"),
    );
    let (mut open, mut flagged) = (0i64, Vec::new());
    let batches = desk.cx.sql(&text).await?.collect().await?;
    let words = |dim: &str| desk.words("opportunities", dim);
    let (owners, stages) = (words("owner_id")?, words("stage")?);
    let labels = segment.map_or(Ok(None), words)?;
    for batch in batches {
        let labelled = cast(batch.column(4), &DataType::Utf8)?;
        let label = |i: usize| labelled.is_valid(i).then(|| labelled.as_string::<i32>().value(i));
        let age = batch.column(3).as_primitive::<Float64Type>();
        let amount = batch.column(5).as_primitive::<Float64Type>();
        open += batch.num_rows() as i64;
        let late = |i: &usize| mean.get(&label(*i)).is_some_and(|(mean, n)| *n >= rules.recycle_at_least_lost && age.value(*i) > *mean);
        let late: UInt32Array = (0..batch.num_rows()).filter(late).map(|i| i as u32).collect();
        let texts = |column: usize| -> Result<ArrayRef, EngineError> { Ok(cast(&take(batch.column(column), &late, None)?, &DataType::Utf8)?) };
        let (ids, owner, stage) = (texts(0)?, texts(1)?, texts(2)?);
        for (at, i) in late.values().iter().enumerate() {
            let i = *i as usize;
            let text = |a: &ArrayRef| a.is_valid(at).then(|| a.as_string::<i32>().value(at).to_owned());
            let word = |list: &Option<Words>, code: &ArrayRef| list.as_ref().and_then(|words| words.of(text(code).as_deref()));
            let Some((mean, _)) = mean.get(&label(i)) else { continue };
            let mut row = Vec::with_capacity(8);
            let id = text(&ids).unwrap_or_default();
            if ask.by.is_some() {
                let key = labels.as_ref().map_or_else(|| label(i).map(str::to_owned), |words| words.of(label(i)));
                row.push(Cell::Text(key.unwrap_or_else(|| "(unknown)".to_owned())));
            }
            row.extend([
                Cell::Text(id.clone()),
                Cell::Text(word(&owners, &owner).unwrap_or_else(|| "(unassigned)".to_owned())),
                Cell::Text(word(&stages, &stage).unwrap_or_default()),
                Cell::Count(age.value(i) as i64),
                Cell::Text(format!("mean_lost_cycle > {mean:.1} days")),
                Cell::Text("recycle: assign to marketing".to_owned()),
                if amount.is_valid(i) { Cell::Money(amount.value(i) as i64) } else { Cell::Blank },
            ]);
            flagged.push((std::cmp::Reverse(age.value(i) as i64), id, row));
        }
    }
    flagged.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    out.provisional = vec![false; flagged.len()];
    out.rows = flagged.into_iter().map(|(_, _, row)| row).collect();
    let flagged = out.rows.len() as i64;
    let all_lost: i64 = mean.values().map(|(_, n)| n).sum();
    out.answer = if mean.values().all(|(_, n)| *n < rules.recycle_at_least_lost) {
        format!("No verdict: only {} opportunities were lost so far, and the rule needs {}.", grouped_count(all_lost), rules.recycle_at_least_lost)
    } else {
        format!(
            "{} of {} open opportunities are older than lost ones took on average and should be assigned to marketing.",
            grouped_count(flagged),
            grouped_count(open)
        )
    };
    out.clauses = vec!["recycle.rule".to_owned(), "recycle.at_least_lost".to_owned()];
    out.method = "The rule mean_lost_cycle, literally: an open opportunity whose age in calendar days exceeds the mean number of days from creation to loss of the opportunities that were lost and not won.".to_owned();
    out.notes.push("The rule looks at lost opportunities only: where losses are quicker than wins it flags many that would have been won. Take it as a list to talk about.".to_owned());
    Ok(out)
}
