//! Which touches earned the won money, under each model? (B)

use super::{Ask, Desk, column, money};
use crate::error::EngineError;
use treaty_app::report::{Cell, Chart, Report, Unit};
use treaty_domain::agreement::MODELS;

/// Label of wins without a touch.
const UNATTRIBUTED: &str = "(unattributed)";

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let dim = ask.by.clone().unwrap_or_else(|| "campaign_id".to_owned());
    let columns = vec![
        column("model", "Model", Unit::Text, ""),
        column(&dim, &super::title_of(&dim), Unit::Text, ""),
        column("opportunities", "Opportunities", Unit::Count, ""),
        column("credit", "Credit", Unit::Money, ""),
        column("currency", "Currency", Unit::Text, ""),
    ];
    let mut out = desk.blank("attribution", "Which touches earned the won money?", ask, columns);
    let period = ask.period.as_ref().map(|p| format!("won_on >= DATE '{}' AND won_on < DATE '{}'", p.from, p.to));
    let own = Ask { by: None, ..ask.clone() };
    let mut conditions: Vec<String> = period.into_iter().collect();
    conditions.extend(desk.filter(&own, "credits").await?);
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    desk.dimensions(ask, "credits", &[]).await?;
    // First one row an opportunity and label, so that counting opportunities needs no distinct.
    let sums: Vec<String> = MODELS.iter().map(|m| format!("sum({m}) AS {m}")).collect();
    let totals: Vec<String> =
        MODELS.iter().map(|m| format!("sum({m}) AS {m}, count(*) FILTER (WHERE {m} <> 0) AS {m}_n")).collect();
    let text = format!(
        "SELECT attributed, label, {} FROM (SELECT attributed, {} AS label, {} AS opportunity, {} FROM {}{filter} GROUP BY 1, 2, 3) \
         GROUP BY 1, 2",
        totals.join(", "),
        desk.key("credits", &dim),
        desk.key("credits", "opportunity_id"),
        sums.join(", "),
        crate::facts::coded("credits")
    );
    let mut rows = super::rows::Rows::collect(&desk.cx, &text, 2).await?;
    let words = desk.words("credits", &dim)?;
    for r in &mut rows.0 {
        let known = words.as_ref().map_or_else(|| r.label().map(str::to_owned), |words| words.of(r.label()));
        let attributed = r.dim(0) == Some("true");
        r.dims = vec![Some(if attributed { known.unwrap_or_else(|| "(none)".to_owned()) } else { UNATTRIBUTED.to_owned() })];
    }
    rows.sort();
    let currency = out.provenance.currency.clone();
    let chosen = desk.agreement.rules.model.as_str();
    let mut ordered: Vec<&str> = vec![chosen];
    ordered.extend(MODELS.iter().copied().filter(|m| *m != chosen));
    let mut best: Option<(i64, String)> = None;
    let (mut total, mut lost) = (0i64, 0i64);
    for model in ordered {
        for r in &rows.0 {
            let label = r.label().unwrap_or("(none)");
            let credit = r.int(model);
            out.rows.push(vec![
                Cell::Text(model.to_owned()),
                Cell::Text(label.to_owned()),
                Cell::Count(r.int(&format!("{model}_n"))),
                Cell::Money(credit),
                Cell::Text(currency.clone()),
            ]);
            out.provisional.push(false);
            if model == chosen {
                total += credit;
                if label == UNATTRIBUTED {
                    lost = credit;
                } else if best.as_ref().is_none_or(|(most, _)| credit > *most) {
                    best = Some((credit, label.to_owned()));
                }
            }
        }
    }
    out.answer = match best {
        Some((credit, name)) => format!(
            "Under {chosen}, {name} earned {} of {} won; {} could not be attributed to any touch.",
            money(credit, &out.provenance),
            money(total, &out.provenance),
            money(lost, &out.provenance)
        ),
        None => "Nothing was won in this period.".to_owned(),
    };
    out.chart = Some(Chart::Bars { label: dim, value: "credit".to_owned(), interval: None });
    out.clauses = vec!["attribution.model".to_owned(), "attribution.people".to_owned(), "attribution.lookback_days".to_owned()];
    out.method = "The path of a won opportunity is every touch of its people from the look-back up to the win, both ends included. Each model shares the amount among the touches; shares are cents by largest remainder, so that every model gives out exactly what was won. Opportunities without a touch are shown as unattributed.".to_owned();
    out.notes.push("Credits describe paths; they are not proof of effect. Look at more than one model.".to_owned());
    Ok(out)
}
