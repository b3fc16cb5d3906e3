//! Small facts that need no pass: spend and purchases in the reporting currency.

use crate::error::EngineError;
use crate::load::World;
use crate::load::columns::{cell, dates};
use crate::load::entities::{instant_column, money_column};
use datafusion::arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::DataType;
use std::sync::Arc;
use treaty_domain::money::Currency;
use treaty_domain::zone::{LocalDay, Micros, Zone};

fn instants(at: &[Micros]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(at.iter().map(|t| t.0)).with_timezone("UTC"))
}

fn days(zone: &Zone, at: &[Micros]) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(at.iter().map(|t| zone.local_day(*t).0)))
}

fn ints(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn batch(columns: Vec<(&'static str, ArrayRef)>) -> Result<RecordBatch, EngineError> {
    Ok(RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))?)
}

fn converted(world: &World, minor: Option<i64>, currency: Currency, on: LocalDay) -> Option<i64> {
    let cx = &world.context;
    minor.and_then(|m| cx.fx.convert(m, currency, cx.currency, on).ok())
}

fn utf8(rows: &RecordBatch, name: &str) -> Result<ArrayRef, EngineError> {
    let column = rows.column_by_name(name).ok_or_else(|| EngineError::Ask(format!("the record has no column {name}")))?;
    Ok(cast(column, &DataType::Utf8)?)
}

/// Money spent by campaign, channel and day, before the as-of instant (A28).
///
/// # Errors
/// When columns do not fit together, which is a defect.
pub fn spend(world: &World) -> Result<RecordBatch, EngineError> {
    let rows = &world.small.spend;
    let on = dates(rows, "spent_on");
    let last = world.context.zone.local_day(Micros(world.context.as_of.0 - 1)).0;
    let keep = (0..rows.num_rows()).map(|i| cell(&on, i).map(|d| d <= last)).collect();
    let rows = filter_record_batch(rows, &keep)?;
    let on = dates(&rows, "spent_on");
    let money = money_column(&rows, "amount", world.context.currency);
    let amount = ints(money.iter().enumerate().map(|(i, (m, c))| converted(world, *m, *c, LocalDay(cell(&on, i).unwrap_or(0)))));
    let on: ArrayRef = Arc::new(on.unwrap_or_else(|| datafusion::arrow::array::Date32Array::new_null(rows.num_rows())));
    let whole = |name: &str| -> Result<ArrayRef, EngineError> {
        Ok(cast(rows.column_by_name(name).unwrap_or(&on), &DataType::Int64)?)
    };
    batch(vec![
        ("campaign_id", utf8(&rows, "campaign_id")?),
        ("channel", utf8(&rows, "channel")?),
        ("spent_on", Arc::clone(&on)),
        ("amount", amount),
        ("impressions", whole("impressions")?),
        ("clicks", whole("clicks")?),
    ])
}

/// Orders by account before the as-of instant (A23, A25).
///
/// # Errors
/// When columns do not fit together, which is a defect.
pub fn purchases(world: &World) -> Result<RecordBatch, EngineError> {
    let rows = &world.small.purchases;
    let keep = instant_column(rows, "purchased_at").iter().map(|at| Some(*at < world.context.as_of)).collect();
    let rows = filter_record_batch(rows, &keep)?;
    let at = instant_column(&rows, "purchased_at");
    let zone = &world.context.zone;
    let money = money_column(&rows, "amount", world.context.currency);
    batch(vec![
        ("account_id", utf8(&rows, "account_id")?),
        ("product_line", utf8(&rows, "product_line")?),
        ("kind", utf8(&rows, "kind")?),
        ("purchased_at", instants(&at)),
        ("purchased_on", days(zone, &at)),
        ("amount", ints(money.iter().zip(&at).map(|((m, c), a)| converted(world, *m, *c, zone.local_day(*a))))),
    ])
}
