//! Which open opportunities should go back to marketing? (A13, the seed rule literally)

use super::{Ask, Desk, column, grouped_count};
use crate::error::EngineError;
use crate::facts::Words;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use std::collections::HashMap;
use treaty_app::report::{Cell, Report, Unit};

/// How long opportunities of a segment took until they were lost, on average.
struct Mean {
    label: Option<String>,
    days: f64,
    n: i64,
}

/// An open opportunity that is older than that; words are codes.
struct Late {
    age: i32,
    id: i32,
    owner: i32,
    stage: i32,
    amount: Option<i64>,
    mean: usize,
}

/// Which mean each row is held against, by its label.
fn mean_of_rows(means: &[Mean], labels: &ArrayRef) -> Result<Vec<Option<usize>>, EngineError> {
    if labels.null_count() == labels.len() {
        return Ok(vec![means.iter().position(|m| m.label.is_none()); labels.len()]);
    }
    let places: HashMap<Option<&str>, usize> = means.iter().enumerate().map(|(at, m)| (m.label.as_deref(), at)).collect();
    let labels = cast(labels, &DataType::Utf8)?;
    Ok(labels.as_string::<i32>().iter().map(|label| places.get(&label).copied()).collect())
}

/// Takes those of some open opportunities that are older than lost ones took on average: codes of id, owner and stage,
/// age, amount, label.
fn take(batch: &RecordBatch, means: &[Mean], at_least: i64, late: &mut Vec<Late>) -> Result<(), EngineError> {
    let code = |column: usize| batch.column(column).as_primitive::<Int32Type>();
    let (ids, owners, stages, ages) = (code(0), code(1), code(2), code(3));
    let amounts = batch.column(4).as_primitive::<Int64Type>();
    for (i, at) in mean_of_rows(means, batch.column(5))?.into_iter().enumerate() {
        let Some((at, mean)) = at.and_then(|at| Some((at, means.get(at)?))) else { continue };
        let age = if ages.is_valid(i) { ages.value(i) } else { 0 };
        if mean.n < at_least || f64::from(age) <= mean.days {
            continue;
        }
        let known = |column: &Int32Array| if column.is_valid(i) { column.value(i) } else { -1 };
        let amount = amounts.is_valid(i).then(|| amounts.value(i));
        late.push(Late { age, id: known(ids), owner: known(owners), stage: known(stages), amount, mean: at });
    }
    Ok(())
}

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
    let label = segment.map_or_else(|| "CAST(NULL AS INT)".to_owned(), |s| desk.key("opportunities", s));
    let filter = desk.filter(ask, "opportunities").await?.map_or_else(String::new, |f| format!(" AND {f}"));
    let table = crate::facts::coded("opportunities");
    let lost = super::rows::Rows::collect(
        &desk.cx,
        &format!("SELECT {label} AS label, avg(CAST(lost_days AS DOUBLE)) AS mean, count(*) AS n FROM {table} WHERE lost_at IS NOT NULL AND NOT won{filter} GROUP BY 1"),
        1,
    )
    .await?;
    // By the label, or its code.
    let means: Vec<Mean> = lost
        .0
        .iter()
        .filter_map(|r| Some(Mean { label: r.label().map(str::to_owned), days: r.number("mean")?, n: r.int("n") }))
        .collect();
    let text = format!(
        "SELECT {}, {}, {}, age_days, amount, {label} FROM {table} WHERE is_open{filter}",
        desk.key("opportunities", "opportunity_id"),
        desk.key("opportunities", "owner_id"),
        desk.key("opportunities", "stage"),
    );
    let mut open = 0;
    let mut late: Vec<Late> = Vec::new();
    for batch in desk.cx.sql(&text).await?.collect().await? {
        open += batch.num_rows() as i64;
        take(&batch, &means, rules.recycle_at_least_lost, &mut late)?;
    }
    let words = |dim: &str| desk.words("opportunities", dim);
    let (ids, owners, stages) = (words("opportunity_id")?, words("owner_id")?, words("stage")?);
    let labels = segment.map_or(Ok(None), words)?;
    let word = |words: &Option<Words>, code: i32| words.as_ref().and_then(|w| w.at(code)).map(str::to_owned);
    let id = |l: &Late| ids.as_ref().and_then(|w| w.at(l.id)).unwrap_or_default();
    late.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| id(a).cmp(id(b))));
    let rule: Vec<String> = means.iter().map(|m| format!("mean_lost_cycle > {:.1} days", m.days)).collect();
    for l in &late {
        let mut row = Vec::with_capacity(8);
        if ask.by.is_some() {
            let label = means[l.mean].label.as_deref();
            let key = labels.as_ref().map_or_else(|| label.map(str::to_owned), |words| words.of(label));
            row.push(Cell::Text(key.unwrap_or_else(|| "(unknown)".to_owned())));
        }
        row.extend([
            Cell::Text(id(l).to_owned()),
            Cell::Text(word(&owners, l.owner).unwrap_or_else(|| "(unassigned)".to_owned())),
            Cell::Text(word(&stages, l.stage).unwrap_or_default()),
            Cell::Count(i64::from(l.age)),
            Cell::Text(rule[l.mean].clone()),
            Cell::Text("recycle: assign to marketing".to_owned()),
            l.amount.map_or(Cell::Blank, Cell::Money),
        ]);
        out.rows.push(row);
    }
    out.provisional = vec![false; late.len()];
    let flagged = out.rows.len() as i64;
    let all_lost: i64 = means.iter().map(|m| m.n).sum();
    out.answer = if means.iter().all(|m| m.n < rules.recycle_at_least_lost) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn each_row_is_held_against_the_mean_of_its_label() {
        let mean = |label: Option<&str>| Mean { label: label.map(str::to_owned), days: 1.0, n: 1 };
        let means = [mean(Some("0")), mean(None), mean(Some("2"))];
        let codes: ArrayRef = Arc::new(Int32Array::from(vec![Some(2), None, Some(1), Some(0)]));
        assert_eq!(mean_of_rows(&means, &codes).expect("places"), [Some(2), Some(1), None, Some(0)]);
        let none: ArrayRef = Arc::new(Int32Array::from(vec![None, None]));
        assert_eq!(mean_of_rows(&means, &none).expect("places"), [Some(1), Some(1)]);
        assert_eq!(mean_of_rows(&means[..1], &none).expect("places"), [None, None]);
    }
}
