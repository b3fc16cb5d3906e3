//! Which leads are rotting, and with whom? (A8)

use super::{Ask, Desk, column, grouped_count, named, percent};
use crate::error::EngineError;
use std::collections::BTreeMap;
use treaty_app::report::{Cell, Chart, Report, Unit};

const BUCKETS: [(&str, &str); 7] = [
    ("no_activity", "No activity"),
    ("d0_7", "0-7 days"),
    ("d8_15", "8-15"),
    ("d16_30", "16-30"),
    ("d31_60", "31-60"),
    ("d61_120", "61-120"),
    ("d121_plus", "Over 120"),
];

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let mut columns = vec![column("owner_id", "Owner", Unit::Text, "")];
    columns.extend(BUCKETS.iter().map(|(n, t)| column(n, t, Unit::Count, "open_leads")));
    columns.push(column("total", "Open leads", Unit::Count, "open_leads"));
    let mut out = desk.blank("aging", "Which leads are rotting, and with whom?", ask, columns);
    let rows = desk.select(ask, "leads", &["owner_id", "age_bucket"], &["count(*) AS n".to_owned()], &["is_open"]).await?;
    let mut table: BTreeMap<Vec<(bool, Option<String>)>, [i64; 7]> = BTreeMap::new();
    let mut totals = [0i64; 7];
    for r in &rows.0 {
        let Some(bucket) = BUCKETS.iter().position(|(b, _)| Some(*b) == r.label()) else { continue };
        let key = r.front(1).iter().map(|d| (d.is_none(), d.clone())).collect();
        table.entry(key).or_default()[bucket] += r.int("n");
        totals[bucket] += r.int("n");
    }
    let mut worst: Option<(i64, String)> = None;
    let width = out.columns.len() - BUCKETS.len() - 1;
    for (key, counts) in &table {
        let mut row: Vec<Cell> = key.iter().map(|(_, d)| named(d.as_deref(), "(unassigned)")).collect();
        row.extend(counts.iter().map(|n| Cell::Count(*n)));
        row.push(Cell::Count(counts.iter().sum()));
        if let Some((_, Some(name))) = key.last()
            && worst.as_ref().is_none_or(|(n, _)| counts[0] > *n)
        {
            worst = Some((counts[0], name.clone()));
        }
        out.rows.push(row);
        out.provisional.push(false);
    }
    let mut row = vec![Cell::Text("(all)".to_owned()); width];
    row.extend(totals.iter().map(|n| Cell::Count(*n)));
    let open: i64 = totals.iter().sum();
    row.push(Cell::Count(open));
    out.rows.push(row);
    out.provisional.push(false);
    out.answer = match worst {
        Some((n, owner)) if n > 0 => format!(
            "{} of {} open leads ({}) have never been worked; among owners most of them, {}, are with {owner}.",
            grouped_count(totals[0]),
            grouped_count(open),
            percent(totals[0] as f64 / open.max(1) as f64),
            grouped_count(n)
        ),
        _ if open > 0 => format!("All {} open leads have been worked at least once.", grouped_count(open)),
        _ => "There are no open leads.".to_owned(),
    };
    out.chart = Some(Chart::Stacked {
        label: "owner_id".to_owned(),
        parts: BUCKETS.iter().map(|(b, _)| (*b).to_owned()).collect(),
    });
    out.clauses = vec!["activity.qualifying".to_owned(), "promise.sales.leads_worked".to_owned()];
    out.method = "Open leads at the as-of instant, whenever they began (a period does not narrow a stock): not converted, not disqualified, not parked with marketing, and not returned by a rejected hand-off. The age is the number of calendar days since the last human sales activity of the attempt; both ends of a bucket belong to it. The owner is the one at the as-of instant.".to_owned();
    Ok(out)
}
