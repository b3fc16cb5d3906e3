//! Where does the funnel leak? Leads by stage (C1, S10, S11).

use super::rows::Row;
use super::{Ask, Desk, FunnelKind, column, grouped_count, named, percent};
use crate::error::EngineError;
use treaty_app::report::{Cell, Chart, Reason, Report, Unit};

/// A cohort younger than this is provisional.
const MATURITY_DAYS: i32 = 90;

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("stage", "Stage", Unit::Text, ""),
        column("reached", "Reached", Unit::Count, "stage_reached"),
        column("conversion", "From the stage before", Unit::Share, ""),
        column("conversion_low", "Low", Unit::Share, ""),
        column("conversion_high", "High", Unit::Share, ""),
        column("median_days", "Median days", Unit::Days, "stage_median_days"),
        column("provisional", "Provisional", Unit::Flag, ""),
    ];
    let question = match ask.funnel {
        FunnelKind::Cohort => "Where does the funnel leak?",
        FunnelKind::Flow => "What moved through the funnel?",
        FunnelKind::Snapshot => "What stands in the funnel now?",
    };
    let mut out = desk.blank("funnel", question, ask, columns);
    let mut only = vec!["subject_type = 'lead'".to_owned()];
    if let Some(p) = &ask.period {
        let anchor = match ask.funnel {
            FunnelKind::Cohort => Some("started_on"),
            FunnelKind::Flow => Some("reached_on"),
            FunnelKind::Snapshot => None,
        };
        if let Some(anchor) = anchor {
            only.push(format!("{anchor} >= DATE '{}' AND {anchor} < DATE '{}'", p.from, p.to));
        }
    }
    if ask.funnel == FunnelKind::Snapshot {
        only.push("is_current".to_owned());
    }
    let only: Vec<&str> = only.iter().map(String::as_str).collect();
    let list =
        ["count(*) AS reached".to_owned(), "median(CAST(days_from_previous AS DOUBLE)) AS median_days".to_owned()];
    let rows = desk.select(ask, "stage_visits", &["rank"], &list, &only).await?;
    let young = ask.funnel == FunnelKind::Cohort && is_young(desk, ask);
    let stages: Vec<String> =
        desk.agreement.stages.iter().map(|s| s.id.clone()).chain(std::iter::once("won".to_owned())).collect();
    let mut fronts: Vec<Vec<Option<String>>> = rows.0.iter().map(|r| r.front(1).to_vec()).collect();
    fronts.dedup();
    if fronts.is_empty() && ask.by.is_none() {
        fronts.push(Vec::new());
    }
    let mut worst: Option<(f64, String, String)> = None;
    for front in &fronts {
        let mut before: Option<i64> = None;
        for (rank, stage) in stages.iter().enumerate() {
            let found: Option<&Row> =
                rows.0.iter().find(|r| r.front(1) == front.as_slice() && r.label() == Some(rank.to_string().as_str()));
            let reached = found.map_or(0, |r| r.int("reached"));
            let mut row: Vec<Cell> = front.iter().map(|d| named(d.as_deref(), "(unknown)")).collect();
            row.push(Cell::Text(stage.clone()));
            row.push(Cell::Count(reached));
            match (before, ask.funnel) {
                (None, _) | (_, FunnelKind::Snapshot) => row.extend([Cell::Blank, Cell::Blank, Cell::Blank]),
                (Some(from), FunnelKind::Flow) => row.extend([Cell::ratio(reached, from), Cell::Blank, Cell::Blank]),
                (Some(from), FunnelKind::Cohort) => {
                    let (low, high) = desk.limits(reached, from);
                    row.extend([desk.rate(reached, from), low, high]);
                    let rate = reached as f64 / from.max(1) as f64;
                    if from >= desk.agreement.rules.min_n_verdict && worst.as_ref().is_none_or(|(w, ..)| rate < *w) {
                        worst = Some((rate, stages[rank - 1].clone(), stage.clone()));
                    }
                }
            }
            row.push(match found.and_then(|r| r.number("median_days")) {
                Some(days) => Cell::Number(days),
                None if rank == 0 => Cell::Blank,
                None => Cell::Undefined(Reason::EmptyPopulation),
            });
            let provisional = young && rank > 0;
            row.push(Cell::Flag(provisional));
            out.rows.push(row);
            out.provisional.push(provisional);
            before = Some(reached);
        }
    }
    let entered = out.cell(0, "reached").and_then(|c| c.value(0)).unwrap_or(0.0) as i64;
    out.answer = match worst {
        _ if entered == 0 => "No lead falls into this period.".to_owned(),
        Some((rate, from, to)) if ask.by.is_none() => format!(
            "Of {} leads, the smallest share passes from {from} to {to}: {}.",
            grouped_count(entered),
            percent(rate)
        ),
        _ => format!("{} leads are counted by stage.", grouped_count(entered)),
    };
    out.chart = Some(Chart::Bars { label: "stage".to_owned(), value: "reached".to_owned(), interval: None });
    out.clauses = desk.agreement.stages.iter().map(|s| format!("stage.{}", s.id)).collect();
    out.method = match ask.funnel {
        FunnelKind::Cohort => "Cohort: leads that began in the period, with all that happened to them until the as-of date. A stage is reached when it or a later one was entered; stages that were skipped count as reached but have no days. Median days are calendar days from the stage before, over leads that entered both.",
        FunnelKind::Flow => "Flow: first entries into each stage within the period, whenever the lead began. The ratios mix generations of leads and may exceed 100 %; they are no probabilities.",
        FunnelKind::Snapshot => "Snapshot: leads that stand in each stage at the as-of instant.",
    }
    .to_owned();
    if young {
        out.notes.push(format!(
            "Leads younger than {MATURITY_DAYS} days are among these: the rates are lower bounds until they have had their time."
        ));
    }
    Ok(out)
}

fn is_young(desk: &Desk<'_>, ask: &Ask) -> bool {
    let last = desk.facts.view.day();
    match &ask.period {
        None => true,
        Some(p) => {
            let open = p.to.min(last.tomorrow().unwrap_or(last));
            last.since(open).map_or(0, |s| s.get_days()) < MATURITY_DAYS
        }
    }
}
