//! Which open opportunities should go back to marketing? (A13, the seed rule literally)

use super::{Ask, Desk, column, grouped_count};
use crate::error::EngineError;
use crate::sql;
use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::compute::cast;
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
    let label = segment.map_or_else(|| "''".to_owned(), |s| format!("coalesce(CAST({} AS VARCHAR), '(unknown)')", sql::quoted(s)));
    let filter = desk.filter(ask, "opportunities").await?.map_or_else(String::new, |f| format!(" AND {f}"));
    let lost = super::rows::Rows::collect(
        &desk.cx,
        &format!("SELECT {label} AS label, avg(CAST(lost_days AS DOUBLE)) AS mean, count(*) AS n FROM opportunities WHERE lost_at IS NOT NULL AND NOT won{filter} GROUP BY 1"),
        1,
    )
    .await?;
    let mean: BTreeMap<String, (f64, i64)> =
        lost.0.iter().filter_map(|r| Some((r.label()?.to_owned(), (r.number("mean")?, r.int("n"))))).collect();
    let text = format!(
        "SELECT opportunity_id, CAST(owner_id AS VARCHAR) AS owner, CAST(stage AS VARCHAR) AS stage, CAST(age_days AS DOUBLE) AS age, \
         {label} AS label, CAST(amount AS DOUBLE) AS amount \
         FROM opportunities WHERE is_open{filter} ORDER BY age DESC, opportunity_id"
    );
    let (mut open, mut flagged) = (0i64, 0i64);
    for batch in desk.cx.sql(&text).await?.collect().await? {
        let strings = [0, 1, 2, 4].map(|i| cast(batch.column(i), &DataType::Utf8));
        let [id, owner, stage, label] = strings;
        let (id, owner, stage, label) = (id?, owner?, stage?, label?);
        let age = batch.column(3).as_primitive::<Float64Type>();
        let amount = batch.column(5).as_primitive::<Float64Type>();
        for i in 0..batch.num_rows() {
            open += 1;
            let key = label.as_string::<i32>().value(i);
            let Some((mean, n)) = mean.get(key) else { continue };
            if *n < rules.recycle_at_least_lost || age.value(i) <= *mean {
                continue;
            }
            flagged += 1;
            let words = |a: &dyn Array, missing: &str| {
                let a = a.as_string::<i32>();
                Cell::Text(if a.is_valid(i) { a.value(i).to_owned() } else { missing.to_owned() })
            };
            let mut row = Vec::new();
            if ask.by.is_some() {
                row.push(Cell::Text(key.to_owned()));
            }
            row.extend([
                words(id.as_ref(), ""),
                words(owner.as_ref(), "(unassigned)"),
                words(stage.as_ref(), ""),
                Cell::Count(age.value(i) as i64),
                Cell::Text(format!("mean_lost_cycle > {mean:.1} days")),
                Cell::Text("recycle: assign to marketing".to_owned()),
                if amount.is_valid(i) { Cell::Money(amount.value(i) as i64) } else { Cell::Blank },
            ]);
            out.rows.push(row);
            out.provisional.push(false);
        }
    }
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
