//! Parquet files and Delta tables as raw tables.

use std::fs::File;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::prelude::DataFrame;
use deltalake::DeltaTableBuilder;
use futures::StreamExt;
use treaty_app::import::Progress;
use treaty_app::raw::{Fault, RawTable};
use url::Url;

use super::fault;
use super::text::Rows;
use crate::error::short;
use crate::sql;

/// Reads a Parquet file; the line of a row is its number.
///
/// # Errors
/// When it cannot be read.
pub fn read_parquet(path: &Path, display: &str, progress: &dyn Progress) -> Result<RawTable, Fault> {
    let failed = |e: &dyn std::fmt::Display| fault(display, format!("cannot be read: {e}"));
    progress.step(display, None);
    let file = File::open(path).map_err(|e| failed(&e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&e))?;
    let names = builder.schema().fields().iter().map(|f| f.name().clone()).collect();
    let mut rows = Rows::new("", display, names);
    for batch in builder.build().map_err(|e| failed(&e))? {
        let batch = batch.map_err(|e| failed(&e))?;
        rows.push(&batch).map_err(|e| failed(&e))?;
        progress.advance(batch.num_rows() as u64);
    }
    Ok(rows.finish())
}

/// Names of the columns of a Parquet file.
///
/// # Errors
/// When it cannot be read.
pub fn parquet_columns(path: &Path, display: &str) -> Result<Vec<String>, Fault> {
    let failed = |e: &dyn std::fmt::Display| fault(display, format!("cannot be read: {e}"));
    let file = File::open(path).map_err(|e| failed(&e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(&e))?;
    Ok(builder.schema().fields().iter().map(|f| f.name().clone()).collect())
}

/// Names of the columns of a Delta table.
///
/// # Errors
/// When it cannot be read.
pub async fn delta_columns(path: &Path, display: &str) -> Result<Vec<String>, Fault> {
    Ok(delta_frame(path, display).await?.schema().fields().iter().map(|f| f.name().clone()).collect())
}

/// Reads the newest version of a Delta table.
///
/// # Errors
/// When it cannot be read.
pub async fn read_delta(path: &Path, display: &str, progress: &dyn Progress) -> Result<RawTable, Fault> {
    progress.step(display, None);
    let (names, batches) = delta(path, display).await?;
    let mut rows = Rows::new("", display, names);
    for batch in batches {
        rows.push(&batch).map_err(|e| fault(display, format!("cannot be read: {e}")))?;
        progress.advance(batch.num_rows() as u64);
    }
    Ok(rows.finish())
}

/// The rows of the newest version of a Delta table, typed as they are stored.
///
/// # Errors
/// When it cannot be read.
pub async fn delta_batches(path: &Path, display: &str) -> Result<Vec<RecordBatch>, Fault> {
    delta(path, display).await.map(|(_, batches)| batches)
}

async fn delta_frame(path: &Path, display: &str) -> Result<DataFrame, Fault> {
    let failed = |e: &dyn std::fmt::Display| fault(display, format!("is a Delta table that cannot be read: {e}"));
    let full: PathBuf = std::fs::canonicalize(path).map_err(|e| failed(&e))?;
    let url = Url::from_directory_path(&full).map_err(|()| failed(&"its path is no usable one"))?;
    let builder = DeltaTableBuilder::from_url(url).map_err(|e| failed(&e))?;
    let table = builder.load().await.map_err(|e| failed(&e))?;
    let provider = table.table_provider().await.map_err(|e| failed(&short(&e)))?;
    sql::session().read_table(provider).map_err(|e| failed(&short(&e)))
}

async fn delta(path: &Path, display: &str) -> Result<(Vec<String>, Vec<RecordBatch>), Fault> {
    let failed = |e: &dyn std::fmt::Display| fault(display, format!("is a Delta table that cannot be read: {e}"));
    let frame = delta_frame(path, display).await?;
    let names = frame.schema().fields().iter().map(|f| f.name().clone()).collect();
    let mut stream = frame.execute_stream().await.map_err(|e| failed(&short(&e)))?;
    let mut batches = Vec::new();
    while let Some(batch) = stream.next().await {
        batches.push(batch.map_err(|e| failed(&short(&e)))?);
    }
    Ok((names, batches))
}
