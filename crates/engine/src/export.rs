//! Tables as files and text: Parquet for programs, rows of text for terminals.

use crate::error::EngineError;
use datafusion::arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::parquet::arrow::ArrowWriter;
use std::path::Path;
use std::sync::Arc;
use treaty_app::report::{Cell, Report, Unit};

/// Writes a report as Parquet: counts as integers, money in major units, shares and days as numbers,
/// what is undefined as NULL.
///
/// # Errors
/// When the file cannot be written.
pub fn report_parquet(report: &Report, file: &Path) -> Result<(), EngineError> {
    let exponent = report.provenance.exponent;
    let columns: Vec<(String, ArrayRef)> = report
        .columns
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let cells = report.rows.iter().map(|r| &r[i]);
            let column: ArrayRef = match c.unit {
                Unit::Text => Arc::new(cells.map(|x| if let Cell::Text(t) = x { Some(t.as_str()) } else { None }).collect::<StringArray>()),
                Unit::Flag => Arc::new(cells.map(|x| if let Cell::Flag(f) = x { Some(*f) } else { None }).collect::<BooleanArray>()),
                Unit::Count => Arc::new(cells.map(|x| if let Cell::Count(n) = x { Some(*n) } else { None }).collect::<Int64Array>()),
                _ => Arc::new(cells.map(|x| x.value(exponent)).collect::<Float64Array>()),
            };
            (c.name.clone(), column)
        })
        .collect();
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))?;
    write_parquet(&[batch], file)
}

/// Writes batches of one schema as Parquet.
///
/// # Errors
/// When the file cannot be written.
pub fn write_parquet(batches: &[RecordBatch], file: &Path) -> Result<(), EngineError> {
    let fault = |e: &dyn std::fmt::Display| EngineError::Ask(format!("{} cannot be written: {e}", file.display()));
    let Some(first) = batches.first() else { return Err(EngineError::Ask("there are no rows to write".to_owned())) };
    let out = std::fs::File::create(file).map_err(|e| fault(&e))?;
    let mut writer = ArrowWriter::try_new(out, first.schema(), None).map_err(|e| fault(&e))?;
    for batch in batches {
        writer.write(batch).map_err(|e| fault(&e))?;
    }
    writer.close().map_err(|e| fault(&e))?;
    Ok(())
}

/// Cells of a row as text; NULL is none.
pub type TextRow = Vec<Option<String>>;

/// Column names and rows of text.
///
/// # Errors
/// When a column cannot be shown as text.
pub fn rows(batches: &[RecordBatch]) -> Result<(Vec<String>, Vec<TextRow>), EngineError> {
    let names = batches.first().map_or_else(Vec::new, |b| b.schema().fields().iter().map(|f| f.name().clone()).collect());
    let options = FormatOptions::default().with_null("\u{0}");
    let mut all = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<Vec<_>, _>>()?;
        for i in 0..batch.num_rows() {
            all.push(
                columns
                    .iter()
                    .map(|c| {
                        let text = c.value(i).to_string();
                        (text != "\u{0}").then_some(text)
                    })
                    .collect(),
            );
        }
    }
    Ok((names, all))
}
