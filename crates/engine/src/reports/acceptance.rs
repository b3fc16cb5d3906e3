//! What does sales take of what marketing passes? (A14.3, A17)

use super::rows::Row;
use super::{Ask, Desk, column, grouped_count, named, percent};
use crate::error::EngineError;
use treaty_app::report::{Cell, Chart, Report, Unit};

const COUNTS: [&str; 6] = [
    "count(*) AS passed",
    "count(*) FILTER (WHERE accepted) AS accepted",
    "count(*) FILTER (WHERE decision = 'rejected') AS rejected",
    "count(*) FILTER (WHERE decision = 'pending') AS pending",
    "count(*) FILTER (WHERE invalid_rejection) AS invalid",
    "count(*) FILTER (WHERE value_missing) AS without_value",
];

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("assigned_to", "Assigned to", Unit::Text, ""),
        column("passed", "Passed", Unit::Count, "handoffs_passed"),
        column("accepted", "Accepted", Unit::Count, "accepted_of_passed"),
        column("rejected", "Rejected", Unit::Count, ""),
        column("pending", "Pending", Unit::Count, ""),
        column("accepted_of_passed", "Of passed", Unit::Share, "accepted_of_passed"),
        column("accepted_of_decided", "Of decided", Unit::Share, "accepted_of_decided"),
        column("accepted_value", "Accepted value", Unit::Money, "accepted_value"),
        column("invalid_rejections", "Invalid rejections", Unit::Count, "invalid_rejection_rate"),
    ];
    let mut out = desk.blank("acceptance", "What does sales take of what marketing passes?", ask, columns);
    let period = ask.period.as_ref().map(|p| format!("passed_on >= DATE '{}' AND passed_on < DATE '{}'", p.from, p.to));
    let only: Vec<&str> = period.as_deref().into_iter().collect();
    let mut list: Vec<String> = COUNTS.iter().map(|c| (*c).to_owned()).collect();
    list.push("sum(value) FILTER (WHERE accepted) AS value".to_owned());
    let rows = desk.select(ask, "handoffs", &["assigned_to"], &list, &only).await?;
    let total = rows.total();
    let line = |mut row: Vec<Cell>, r: &Row| {
        let (passed, accepted, rejected, pending) = (r.int("passed"), r.int("accepted"), r.int("rejected"), r.int("pending"));
        row.extend([Cell::Count(passed), Cell::Count(accepted), Cell::Count(rejected), Cell::Count(pending)]);
        row.extend([desk.rate(accepted, passed), desk.rate(accepted, passed - pending)]);
        row.extend([Cell::Money(r.int("value")), Cell::Count(r.int("invalid"))]);
        row
    };
    for r in &rows.0 {
        out.rows.push(line(r.dims.iter().map(|d| named(d.as_deref(), "(unassigned)")).collect(), r));
        out.provisional.push(r.int("pending") > 0);
    }
    let width = out.columns.len() - 8;
    out.rows.push(line(vec![Cell::Text("(all)".to_owned()); width], &total));
    out.provisional.push(total.int("pending") > 0);
    let (passed, accepted) = (total.int("passed"), total.int("accepted"));
    out.answer = if passed == 0 {
        "No lead was passed to sales.".to_owned()
    } else {
        format!(
            "Sales accepted {} of {} leads passed ({}); {} wait for a decision, and {} were rejected although they met the definition.",
            grouped_count(accepted),
            grouped_count(passed),
            percent(accepted as f64 / passed as f64),
            grouped_count(total.int("pending")),
            grouped_count(total.int("invalid"))
        )
    };
    if total.int("without_value") > 0 {
        out.notes.push(format!(
            "{} acceptances carry no value and so do not count as accepted (handoff.acceptance_needs_value).",
            grouped_count(total.int("without_value"))
        ));
    }
    if !desk.agreement.stages.iter().any(|s| s.enter_when.is_some()) {
        out.notes.push("No stage has an `enter_when`, so it cannot be said which rejections were invalid.".to_owned());
    }
    out.chart = Some(Chart::Stacked {
        label: "assigned_to".to_owned(),
        parts: ["pending", "rejected", "accepted"].map(str::to_owned).to_vec(),
    });
    out.clauses = vec!["handoff.acceptance_needs_value".to_owned()];
    out.method = "Hand-offs passed in the period with their decision at the as-of instant; one that was decided later is pending. An accepted hand-off carries the first value that the rep put on it. A rejection is invalid when the lead met the definition in force when it was passed. Rows with pending decisions are provisional.".to_owned();
    Ok(out)
}
