//! The five ratios (A14).

use super::{Ask, Desk, column, money, named, percent};
use crate::error::EngineError;
use treaty_app::report::{Cell, Report, Unit};

/// Ratio, the metric that defines it, and words.
const RATIOS: [(&str, &str, &str); 9] = [
    ("net_new", "net_new_share", "1 Net-new names"),
    ("returned_from_nurture", "returned_from_nurture_share", "2a Returned from nurture"),
    ("installed_to_new", "installed_to_new", "2b Installed base to net-new"),
    ("accepted_of_passed", "accepted_of_passed", "3 Accepted of passed"),
    ("accepted_of_decided", "accepted_of_decided", "3 Accepted of decided"),
    ("accepted_value", "accepted_value", "3 Accepted value"),
    ("to_pipeline", "to_pipeline", "4 To forecastable pipeline"),
    ("to_revenue", "to_revenue", "5 To revenue"),
    ("revenue_of_accepted_value", "revenue_of_accepted_value", "5 Won of accepted value"),
];

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("ratio", "Ratio", Unit::Text, ""),
        column("title", "In words", Unit::Text, ""),
        column("numerator", "Numerator", Unit::Number, ""),
        column("denominator", "Denominator", Unit::Number, ""),
        column("value", "Value", Unit::Share, ""),
        column("low", "Low", Unit::Share, ""),
        column("high", "High", Unit::Share, ""),
    ];
    let mut out = desk.blank("ratios", "Do the leads become what they should?", ask, columns);
    let exponent = out.provenance.exponent;
    let fact = |id: &str| desk.catalogue.get(id).map(|m| m.fact.as_str());
    for (name, id, title) in RATIOS {
        let metric = desk.catalogue.get(id).ok_or_else(|| EngineError::Ask(format!("there is no metric `{id}`")))?;
        // All ratios of a fact are one query, which is asked once.
        let same: Vec<&str> = RATIOS.iter().map(|r| r.1).filter(|other| fact(other) == fact(id)).collect();
        let rows = desk.grouped(ask, &[], &same, &[]).await?;
        let of_money = metric.units().0 == Unit::Money;
        for r in &rows.0 {
            let mut row: Vec<Cell> = r.front(0).iter().map(|d| named(d.as_deref(), "(unknown)")).collect();
            row.extend([Cell::Text(name.to_owned()), Cell::Text(title.to_owned())]);
            let shown = |n: i64| if of_money { Cell::Money(n) } else { Cell::Count(n) };
            let n = r.int(id);
            if metric.denominator.is_none() {
                row.extend([shown(n), Cell::Blank, shown(n), Cell::Blank, Cell::Blank]);
            } else {
                let d = r.int(&format!("{id}_denominator"));
                let (low, high) = if of_money || name == "installed_to_new" { (Cell::Blank, Cell::Blank) } else { desk.limits(n, d) };
                let value = if of_money { Cell::ratio(n, d) } else { desk.rate(n, d) };
                row.extend([shown(n), shown(d), value, low, high]);
            }
            out.rows.push(row);
            out.provisional.push(name.starts_with("to_") || name.starts_with("revenue"));
        }
    }
    let value = |name: &str| {
        let at = out.rows.iter().position(|r| r.contains(&Cell::Text(name.to_owned())))?;
        out.cell(at, "value")?.value(exponent)
    };
    out.answer = match (value("accepted_of_passed"), value("to_pipeline"), value("to_revenue")) {
        (Some(a), Some(p), Some(r)) if ask.by.is_none() => format!(
            "Sales accepted {} of the leads passed; of these {} reached the pipeline and {} were won, after an accepted value of {}.",
            percent(a),
            percent(p),
            percent(r),
            money((value("accepted_value").unwrap_or(0.0) * 10f64.powi(exponent as i32)).round() as i64, &out.provenance)
        ),
        _ => "The five ratios of leads, from names to revenue.".to_owned(),
    };
    out.clauses = vec!["ratios.names".to_owned(), "ratios.installed_base_years".to_owned(), "handoff.acceptance_needs_value".to_owned()];
    out.method = "Cohort measures on leads that began in the period. 1: names whose account bought nothing within the agreed years. 2a: leads that came back from nurture, of all; 2b: leads of installed base for each net-new lead: two different numbers. 3: accepted of passed and of decided, and the first values. 4: accepted leads that reached a forecastable stage with an amount. 5: accepted leads won, and won amount over accepted value.".to_owned();
    out.notes.push("Ratios 4 and 5 are provisional while young leads are in the population.".to_owned());
    Ok(out)
}
