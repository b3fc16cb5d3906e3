//! What to clean up first (R14): defects of the data, ranked by how much health they cost.

use super::health::{self, WHOLE};
use super::Trust;
use crate::error::EngineError;
use crate::reports::{column, grouped_count};
use treaty_app::report::{Cell, Reason, Report, Unit};
use treaty_app::trust::DIMENSIONS;

/// What is wrong with a value that is not well, by dimension.
const DEFECTS: [&str; 6] = ["missing", "invalid", "duplicate", "stale", "contradictory", "suspected fake"];

pub(super) async fn report(trust: &Trust<'_>) -> Result<Report, EngineError> {
    let columns = vec![
        column("rank", "Rank", Unit::Count, ""),
        column("table", "Table", Unit::Text, ""),
        column("field", "Field", Unit::Text, ""),
        column("defect", "Defect", Unit::Text, ""),
        column("rows", "Rows to mend", Unit::Count, ""),
        column("share", "Share", Unit::Share, ""),
        column("gain", "Points gained", Unit::Number, ""),
        column("owner", "Owner", Unit::Text, ""),
        column("due", "Due", Unit::Text, ""),
        column("before", "Rows before", Unit::Count, ""),
    ];
    let mut out = trust.blank("clean-up", "What should be cleaned up first?", columns).await?;
    let now = health::measures(trust).await?;
    let (then, before) = health::before(trust).await?;
    let mut list = Vec::new();
    for ((at, field, source), m) in now.iter().filter(|((_, _, s), _)| s == "(all)") {
        let table = health::tables()[*at];
        let whole = now.get(&(*at, WHOLE.to_owned(), source.clone()));
        let Some(whole) = whole else { continue };
        let told = |w: &health::Measure| -> f64 {
            let there = w.parts.iter().enumerate().filter(|(_, p)| p.is_some_and(|(_, of)| of > 0));
            there.map(|(i, _)| trust.health.weight(DIMENSIONS[i].0)).sum()
        };
        for (i, (dimension, _)) in DIMENSIONS.iter().enumerate() {
            // The table's own row tells what no field does: fakes, and people without a sign of life.
            let of_table = field == WHOLE;
            let shown_by_field = (dimension, table) == (&"freshness", "opportunities");
            if of_table && (!matches!(*dimension, "freshness" | "authenticity") || shown_by_field) {
                continue;
            }
            let Some((well, of)) = m.parts[i].filter(|(well, of)| well < of) else { continue };
            let Some((_, whole_of)) = whole.parts[i].filter(|(_, of)| *of > 0) else { continue };
            let weight = told(whole);
            if weight <= 0.0 {
                continue;
            }
            let gain = trust.health.weight(dimension) / weight * (of - well) as f64 / whole_of as f64 * 100.0;
            let was = before.as_ref().and_then(|b| b.get(&(*at, field.clone(), source.clone()))).and_then(|b| b.parts[i]);
            list.push((gain, table, field.clone(), i, of - well, of, was.map(|(w, o)| o - w)));
        }
    }
    list.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| (a.1, &a.2, a.3).cmp(&(b.1, &b.2, b.3))));
    out.answer = match list.first() {
        None => "There is nothing to clean up.".to_owned(),
        Some((_, table, field, i, rows, ..)) => {
            format!("First of {}: {} {} in {table}, field {field}.", grouped_count(list.len() as i64), grouped_count(*rows), DEFECTS[*i])
        }
    };
    let today = trust.case.facts.view.as_of.to_string();
    let late = list.iter().filter(|(_, table, field, ..)| trust.health.due(table, field).is_some_and(|due| due < today.as_str())).count();
    if late > 0 {
        out.answer.push_str(&format!(" {} are overdue.", grouped_count(late as i64)));
    }
    for (rank, (gain, table, field, i, rows, of, was)) in list.into_iter().enumerate() {
        let (owner, _) = trust.health.of(table, &field);
        let due = trust.health.due(table, &field).unwrap_or_default().to_owned();
        out.rows.push(vec![
            Cell::Count(rank as i64 + 1),
            Cell::Text(table.to_owned()),
            Cell::Text(field),
            Cell::Text(DEFECTS[i].to_owned()),
            Cell::Count(rows),
            Cell::ratio(rows, of),
            Cell::Number(treaty_stats::round_half_away(gain, 2)),
            Cell::Text(if owner.is_empty() { "(nobody)".to_owned() } else { owner }),
            Cell::Text(due),
            was.map_or(Cell::Undefined(Reason::NoHistory), Cell::Count),
        ]);
        out.provisional.push(false);
    }
    out.method = format!(
        "The gain is by how many points the index of the table rises if all of these are mended. Rows before: how many there were on {}; fewer now is progress.",
        jiff::civil::Date::from(then)
    );
    Ok(out)
}
