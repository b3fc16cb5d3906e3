//! What is each source worth? (A9, A10, C8)

use super::{Ask, Desk, column, grouped_count, money, named, percent};
use crate::error::EngineError;
use treaty_app::report::{Cell, Chart, Reason, Report, Unit};
use treaty_stats::{Table, benjamini_hochberg, fisher_exact};

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("lead_source", "Lead source", Unit::Text, ""),
        column("leads", "Leads", Unit::Count, "leads"),
        column("converted", "Converted", Unit::Count, "converted_leads"),
        column("conversion_rate", "Conversion", Unit::Share, "conversion_rate"),
        column("rate_low", "Low", Unit::Share, ""),
        column("rate_high", "High", Unit::Share, ""),
        column("won_amount", "Won", Unit::Money, "won_amount"),
        column("amount_per_lead", "Won per lead", Unit::Money, "amount_per_lead"),
        column("median_lead_to_close_days", "Median days to close", Unit::Days, "median_lead_to_close_days"),
        column("verdict", "Verdict", Unit::Text, ""),
    ];
    let mut out = desk.blank("sources", "What is each lead source worth?", ask, columns);
    let metrics = ["leads", "converted_leads", "won_amount", "median_lead_to_close_days"];
    let rows = desk.grouped(ask, &["lead_source"], &metrics, &[]).await?;
    // Counts and amounts add up, a median does not.
    let mut total = rows.total();
    let median = desk.grouped(&Ask { by: None, ..ask.clone() }, &[], &metrics[3..], &[]).await?.one();
    total.values.remove(metrics[3]);
    total.values.extend(median.values);
    let (all, all_converted) = (total.int("leads"), total.int("converted_leads"));
    let verdicts = verdicts(
        &rows.0.iter().map(|r| (r.int("leads"), r.int("converted_leads"))).collect::<Vec<_>>(),
        (all, all_converted),
        desk.agreement.rules.min_n_verdict,
    );
    let pooled = if all > 0 { total.int("won_amount") as f64 / all as f64 } else { 0.0 };
    let mut best: Option<(f64, String, f64)> = None;
    for (r, verdict) in rows.0.iter().chain(std::iter::once(&total)).zip(verdicts.iter().map(Some).chain([None])) {
        let (n, c, v) = (r.int("leads"), r.int("converted_leads"), r.int("won_amount"));
        let per_lead = if n > 0 { v as f64 / n as f64 } else { 0.0 };
        let mut row: Vec<Cell> = match verdict {
            Some(_) => r.dims.iter().map(|d| named(d.as_deref(), "(unknown)")).collect(),
            None => out.columns.iter().take_while(|c| c.name != "leads").map(|_| Cell::Text("(all)".to_owned())).collect(),
        };
        let (low, high) = desk.limits(c, n);
        row.extend([Cell::Count(n), Cell::Count(c), desk.rate(c, n), low, high, Cell::Money(v)]);
        row.push(if n > 0 { Cell::Money(per_lead.round() as i64) } else { Cell::Undefined(Reason::ZeroDenominator) });
        row.push(Cell::number_or(r.number("median_lead_to_close_days"), Reason::EmptyPopulation));
        row.push(match verdict {
            Some(v) => {
                let rich = n >= desk.agreement.rules.min_n_verdict && pooled > 0.0 && per_lead >= 2.0 * pooled;
                Cell::Text(if rich { format!("{v}; {:.1} times the value per lead", per_lead / pooled) } else { (*v).to_owned() })
            }
            None => Cell::Blank,
        });
        if verdict.is_some() && n >= desk.agreement.rules.min_n && best.as_ref().is_none_or(|(b, ..)| per_lead > *b) {
            best = Some((per_lead, r.label().unwrap_or("(unknown)").to_owned(), c as f64 / n.max(1) as f64));
        }
        out.rows.push(row);
        out.provisional.push(false);
    }
    out.answer = match best {
        Some((value, source, rate)) if value > 0.0 => format!(
            "A lead from {source} was worth {} so far, with {} converted; over all sources it was {}.",
            money(value.round() as i64, &out.provenance),
            percent(rate),
            money(pooled.round() as i64, &out.provenance)
        ),
        _ => format!("{} leads, none of them won yet.", grouped_count(all)),
    };
    out.chart = Some(Chart::Bars {
        label: "lead_source".to_owned(),
        value: "conversion_rate".to_owned(),
        interval: Some(("rate_low".to_owned(), "rate_high".to_owned())),
    });
    out.clauses = vec!["stage.opportunity".to_owned()];
    out.method = "A lead counts once an attempt, under the source of its person at creation. It is converted when an opportunity is created with the person as primary (or only) contact at or after the attempt began. Won is the sum of the won opportunities of these leads; per lead is over all leads, not only converted ones. Verdicts compare each source with all others by Fisher's exact test, with false discoveries held at 5 % (Benjamini-Hochberg).".to_owned();
    out.notes.push("Young leads have had less time: do not rank sources of different age by raw rates.".to_owned());
    Ok(out)
}

/// Above, below or not told apart from the rest, at 5 % false discoveries.
fn verdicts(rows: &[(i64, i64)], (all, converted): (i64, i64), min_n: i64) -> Vec<&'static str> {
    let p: Vec<f64> = rows
        .iter()
        .map(|(n, c)| {
            let cells = [*c, n - c, converted - c, (all - n) - (converted - c)];
            let [a, b, c, d] = cells.map(|x| u64::try_from(x.max(0)).unwrap_or(0));
            fisher_exact(&Table { a, b, c, d })
        })
        .collect();
    let q = benjamini_hochberg(&p);
    rows.iter()
        .zip(q)
        .map(|((n, c), q)| {
            if *n < min_n {
                return "too few to judge";
            }
            let rest = (converted - c) as f64 / (all - n).max(1) as f64;
            match q <= 0.05 {
                true if (*c as f64 / *n as f64) > rest => "above the rest",
                true => "below the rest",
                false => "not told apart",
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_of_the_reference_table() {
        // A9 and C8: leads and conversions of nine sources
        let rows =
            [(2812, 83), (2201, 389), (700, 46), (508, 335), (458, 99), (185, 1), (154, 25), (157, 33), (137, 22)];
        let got = verdicts(&rows, (7312, 1033), 30);
        let (above, below, same) = ("above the rest", "below the rest", "not told apart");
        assert_eq!(got, [below, above, below, above, above, below, same, above, same]);
    }
}
