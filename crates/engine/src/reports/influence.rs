//! What did each campaign source and influence? (A16)

use super::{Ask, Desk, column, grouped_count, money};
use crate::error::EngineError;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use std::collections::BTreeMap;
use treaty_app::report::{Cell, Chart, Report, Unit};

pub(super) async fn report(desk: &Desk<'_>, ask: &Ask) -> Result<Report, EngineError> {
    let columns = vec![
        column("campaign_id", "Campaign", Unit::Text, ""),
        column("sourced_opportunities", "Sourced", Unit::Count, "opportunities_created"),
        column("sourced_pipeline", "Sourced pipeline", Unit::Money, "sourced_pipeline"),
        column("influenced_opportunities", "Influenced", Unit::Count, ""),
        column("influenced_pipeline", "Influenced pipeline", Unit::Money, "influenced_pipeline"),
    ];
    let mut out = desk.blank("influence", "What did each campaign source and influence?", ask, columns);
    let period = ask.period.as_ref().map(|p| format!("created_on >= DATE '{}' AND created_on < DATE '{}'", p.from, p.to));
    let counting: Vec<&str> = ["counts"].into_iter().chain(period.as_deref()).collect();
    let within: Vec<&str> = period.as_deref().into_iter().collect();
    let list = ["count(*) AS n".to_owned(), "sum(amount) AS money".to_owned()];
    let sourced = desk.select(ask, "opportunities", &["campaign_id"], &list, &counting).await?;
    let influenced = desk.select(ask, "influences", &["campaign_id"], &list, &within).await?;
    // The union must not count an opportunity once a campaign; its rows stand together.
    let dims = desk.dimensions(&Ask { by: None, ..ask.clone() }, "influences", &[]).await?;
    debug_assert!(dims.is_empty());
    let mut conditions: Vec<String> = within.iter().map(|c| (*c).to_owned()).collect();
    conditions.extend(desk.filter(ask, "influences").await?);
    let filter = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    let text = format!("SELECT {}, amount FROM {}{filter}", desk.key("influences", "opportunity_id"), crate::facts::coded("influences"));
    let union = union(&desk.cx.sql(&text).await?.collect_partitioned().await?.concat())?;
    let mut table: BTreeMap<Vec<(bool, Option<String>)>, [i64; 4]> = BTreeMap::new();
    if ask.by.is_none() && ask.filter.is_none() {
        for campaign in super::rows::Rows::collect(&desk.cx, "SELECT campaign_id, 0 AS n FROM campaigns", 1).await?.0 {
            table.entry(vec![(false, campaign.dims.into_iter().next().flatten())]).or_default();
        }
    }
    let key = |dims: &[Option<String>]| dims.iter().map(|d| (d.is_none(), d.clone())).collect::<Vec<_>>();
    let (mut sum_sourced, mut sum_influenced) = ([0i64; 2], 0i64);
    for r in &sourced.0 {
        let row = table.entry(key(&r.dims)).or_default();
        row[0] += r.int("n");
        row[1] += r.int("money");
        sum_sourced[0] += r.int("n");
        sum_sourced[1] += r.int("money");
    }
    for r in &influenced.0 {
        let row = table.entry(key(&r.dims)).or_default();
        row[2] += r.int("n");
        row[3] += r.int("money");
        sum_influenced += r.int("money");
    }
    let mut best: Option<(i64, String)> = None;
    for (dims, n) in &table {
        let mut row: Vec<Cell> =
            dims.iter().map(|(_, d)| Cell::Text(d.clone().unwrap_or_else(|| "(no campaign)".to_owned()))).collect();
        row.extend([Cell::Count(n[0]), Cell::Money(n[1]), Cell::Count(n[2]), Cell::Money(n[3])]);
        if let Some((_, Some(name))) = dims.last()
            && best.as_ref().is_none_or(|(most, _)| n[1] > *most)
        {
            best = Some((n[1], name.clone()));
        }
        out.rows.push(row);
        out.provisional.push(false);
    }
    let mut last = vec![Cell::Text("(union)".to_owned()); out.columns.len() - 4];
    last.extend([
        Cell::Count(sum_sourced[0]),
        Cell::Money(sum_sourced[1]),
        Cell::Count(union.0),
        Cell::Money(union.1),
    ]);
    out.rows.push(last);
    out.provisional.push(false);
    let named: i64 = sourced.0.iter().filter(|r| r.label().is_some()).map(|r| r.int("money")).sum();
    out.answer = match &best {
        Some((amount, name)) if *amount > 0 => format!(
            "Campaigns sourced {} of {} pipeline, {name} the most with {}; they influenced {} once every opportunity is counted once.",
            money(named, &out.provenance),
            money(sum_sourced[1], &out.provenance),
            money(*amount, &out.provenance),
            money(union.1, &out.provenance)
        ),
        _ => format!("{} opportunities were created, none of them sourced by a campaign.", grouped_count(sum_sourced[0])),
    };
    if union.1 > 0 {
        out.notes.push(format!(
            "Influenced pipeline does not add up over campaigns: the sum is {:.2} times the union.",
            sum_influenced as f64 / union.1 as f64
        ));
    }
    out.chart = Some(Chart::Paired {
        label: "campaign_id".to_owned(),
        values: ("sourced_pipeline".to_owned(), "influenced_pipeline".to_owned()),
    });
    out.clauses = vec!["source.rule".to_owned(), "source.kinds".to_owned(), "influence.window_days".to_owned()];
    out.method = "Every opportunity has exactly one source by the source rule, so sourced amounts add up to the whole. A campaign influences an opportunity when it touched one of its people within the window before creation, both ends included; the full amount counts for each such campaign. The union counts every opportunity once.".to_owned();
    Ok(out)
}

/// Number of opportunities and their amounts, each once, of rows of opportunity and amount; those of
/// an opportunity stand together.
fn union(batches: &[RecordBatch]) -> Result<(i64, i64), EngineError> {
    let (mut n, mut money) = (0, 0);
    let mut last = None;
    for batch in batches {
        let opportunity = cast(batch.column(0), &DataType::Int32)?;
        let opportunity = opportunity.as_primitive::<Int32Type>();
        let amount = cast(batch.column(1), &DataType::Int64)?;
        let amount = amount.as_primitive::<Int64Type>();
        for (i, own) in opportunity.values().iter().enumerate() {
            if last != Some(*own) {
                last = Some(*own);
                n += 1;
                money += if amount.is_valid(i) { amount.value(i) } else { 0 };
            }
        }
    }
    Ok((n, money))
}
