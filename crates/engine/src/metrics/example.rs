//! Worked examples: a few rows of a fact, and what must come out.

use super::check::EXAMPLE_ROWS_MAX;
use super::{Example, Metric};
use crate::{facts, sql};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array, new_null_array};
use datafusion::arrow::compute::{CastOptions, cast, cast_with_options, take};
use datafusion::arrow::datatypes::{DataType, Float64Type, Schema, SchemaRef};
use std::sync::Arc;
use treaty_app::report::Cell;

/// Figures agree when they differ by less than this share.
const TOLERANCE: f64 = 1e-9;

/// Asks the metric over the rows of an example and compares. Money is in minor units on both sides.
///
/// # Errors
/// A sentence that says what came out instead.
pub async fn run_example(metric: &Metric, example: &Example) -> Result<(), String> {
    let schemas = facts::schemas();
    let schema = schemas.get(metric.fact.as_str()).ok_or_else(|| format!("there is no fact table `{}`", metric.fact))?;
    let (numerator, denominator) = ask(metric, example, schema).await?;
    let value = metric.value(numerator, denominator, 0);
    let expected = example.expected;
    let show = |x: Option<f64>| x.map_or("nothing".to_owned(), |x| x.to_string());
    if let Some(reason) = expected.undefined
        && value != Cell::Undefined(reason)
    {
        return Err(format!("the value is {value:?}, not undefined ({})", reason.code()));
    }
    let shown = match &value {
        Cell::Undefined(_) => None,
        _ => match denominator {
            Some(of) => Some(numerator.unwrap_or(0.0) / of),
            None => numerator,
        },
    };
    for (what, wanted, got) in
        [("numerator", expected.numerator, numerator), ("denominator", expected.denominator, denominator), ("value", expected.value, shown)]
    {
        if let Some(wanted) = wanted
            && !got.is_some_and(|got| (got - wanted).abs() <= TOLERANCE * wanted.abs().max(1.0))
        {
            return Err(format!("the {what} is {}, not {wanted}", show(got)));
        }
    }
    Ok(())
}

async fn ask(metric: &Metric, example: &Example, schema: &SchemaRef) -> Result<(Option<f64>, Option<f64>), String> {
    let cx = sql::session();
    let say = |e: &dyn std::fmt::Display| e.to_string();
    cx.register_batch(&metric.fact, table(example, schema)?).map_err(|e| sql::sentence(&e))?;
    let period = example.period.as_ref().map(|(from, to)| (from.as_str(), to.as_str()));
    let question = metric.sql(&[], None, period);
    let got = cx.sql(&question).await.map_err(|e| sql::sentence(&e))?.collect().await.map_err(|e| sql::sentence(&e))?;
    let row = got.iter().find(|b| b.num_rows() > 0).ok_or_else(|| say(&"the question has no answer"))?;
    Ok((number(row.column(0))?, row.columns().get(1).map(number).transpose()?.flatten()))
}

/// First cell of a column as a number.
pub(super) fn number(column: &ArrayRef) -> Result<Option<f64>, String> {
    let column = cast(column, &DataType::Float64).map_err(|e| e.to_string())?;
    let column = column.as_primitive::<Float64Type>();
    Ok((!column.is_empty() && column.is_valid(0)).then(|| column.value(0)))
}

/// One cell of an example as the type of its column.
pub(super) fn cell(text: &str, to: &DataType) -> Result<ArrayRef, String> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let text: ArrayRef = Arc::new(StringArray::from(vec![text]));
    cast_with_options(&text, to, &strict).map_err(|e| format!("does not fit the column: {e}"))
}

/// The rows of an example as a table of its fact.
fn table(example: &Example, schema: &SchemaRef) -> Result<RecordBatch, String> {
    let n = example.rows.iter().fold(0u64, |n, r| n.saturating_add(r.times));
    if n > EXAMPLE_ROWS_MAX {
        return Err(format!("the example has more than {EXAMPLE_ROWS_MAX} rows"));
    }
    let rows: UInt64Array =
        example.rows.iter().enumerate().flat_map(|(i, r)| std::iter::repeat_n(i as u64, usize::try_from(r.times).unwrap_or(0))).collect();
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let texts: Vec<Option<&str>> = example
            .rows
            .iter()
            .map(|r| r.cells.iter().find(|(name, _)| name == field.name()).map(|(_, text)| text.as_str()))
            .collect();
        let column = if texts.iter().all(Option::is_none) {
            new_null_array(field.data_type(), rows.len())
        } else {
            let strict = CastOptions { safe: false, ..CastOptions::default() };
            let texts: ArrayRef = Arc::new(StringArray::from(texts));
            let column = cast_with_options(&texts, field.data_type(), &strict).map_err(|e| format!("{}: {e}", field.name()))?;
            take(&column, &rows, None).map_err(|e| e.to_string())?
        };
        columns.push(column);
    }
    if let Some(stranger) = stranger(example, schema) {
        return Err(format!("`{stranger}` is not a column of the fact"));
    }
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|e| e.to_string())
}

/// A column of an example that the fact does not have.
fn stranger<'e>(example: &'e Example, schema: &Schema) -> Option<&'e str> {
    let cells = example.rows.iter().flat_map(|r| &r.cells);
    cells.map(|(name, _)| name.as_str()).find(|name| schema.field_with_name(name).is_err())
}
