//! Running a pack: raw text tables in, rows of record tables out, by one query a table.

use crate::error::{EngineError, short};
use crate::record::Incoming;
use crate::sql;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use std::collections::BTreeMap;
use std::sync::Arc;
use treaty_app::layout;
use treaty_app::raw::{RawChunk, RawTable};

/// A helper of pack SQL: from text to text, or to nothing.
pub struct TextFunction {
    /// Name in SQL.
    pub name: &'static str,
    /// What it does to a cell.
    pub call: Arc<dyn Fn(&str) -> Option<String> + Send + Sync>,
}

/// A query of a pack.
pub struct PackQuery {
    /// Record table that it fills.
    pub table: String,
    /// The query.
    pub sql: String,
    /// File, for errors.
    pub file: String,
}

/// Rows that a pack leaves out on purpose.
pub struct LeftOut {
    /// What and why, for the notes of the import.
    pub text: String,
    /// Query that counts them.
    pub count: String,
}

/// What a pack makes of raw tables.
pub struct PackOutput {
    /// Rows for the record.
    pub incoming: Vec<Incoming>,
    /// Rows that were left out, with their number.
    pub notes: Vec<String>,
}

/// Runs the queries of a pack over its raw tables. Every raw column is text; the hidden columns
/// `_file` and `_line` say where a row came from.
///
/// # Errors
/// When a query does not parse, names an unknown column, or fails: the file and the reason.
pub async fn run(
    raw: Vec<RawTable>,
    parquet: &[(String, std::path::PathBuf)],
    queries: &[PackQuery],
    left_out: &[LeftOut],
    functions: Vec<TextFunction>,
) -> Result<PackOutput, EngineError> {
    let cx = sql::session();
    for function in functions {
        register(&cx, function);
    }
    let mut tables: BTreeMap<String, Vec<RecordBatch>> = BTreeMap::new();
    for table in raw {
        let list = tables.entry(table.name.clone()).or_default();
        for chunk in table.chunks {
            list.push(batch(chunk, &table.file)?);
        }
    }
    for (name, batches) in tables {
        let schema = union(&batches);
        let fitted = batches.iter().map(|b| fit(b, &schema)).collect::<Result<Vec<_>, _>>()?;
        cx.register_table(name.as_str(), Arc::new(MemTable::try_new(schema, vec![fitted])?))?;
    }
    for (name, path) in parquet {
        cx.register_parquet(name.as_str(), path.to_string_lossy(), ParquetReadOptions::default()).await?;
    }
    let mut out = PackOutput { incoming: Vec::new(), notes: Vec::new() };
    for query in queries {
        let fault = |e: &datafusion::error::DataFusionError| EngineError::Pack { file: query.file.clone(), reason: short(e) };
        let table = layout::table(&query.table).ok_or_else(|| EngineError::Pack {
            file: query.file.clone(),
            reason: format!("`{}` is no table of the record", query.table),
        })?;
        let batches = cx.sql(&query.sql).await.map_err(|e| fault(&e))?.collect().await.map_err(|e| fault(&e))?;
        out.incoming.push(Incoming::Arrow { table, file: query.file.clone(), batches });
    }
    for left in left_out {
        let counted = cx.sql(&left.count).await?.collect().await?;
        let n = counted.first().map(|b| cast(b.column(0), &DataType::Int64)).transpose()?;
        let n = n.as_ref().map_or(0, |n| n.as_primitive::<datafusion::arrow::datatypes::Int64Type>().values().first().copied().unwrap_or(0));
        if n > 0 {
            out.notes.push(format!("{n} rows were left out: {}", left.text));
        }
    }
    Ok(out)
}

/// A chunk of text as a batch, without copying its cells.
fn batch(chunk: RawChunk, file: &str) -> Result<RecordBatch, EngineError> {
    let rows = chunk.lines.len();
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for c in chunk.columns {
        fields.push(Field::new(c.name, DataType::Utf8, true));
        let nulls = NullBuffer::from(c.present);
        let array = StringArray::try_new(
            OffsetBuffer::new(ScalarBuffer::from(c.offsets)),
            Buffer::from_vec(c.bytes.into_bytes()),
            Some(nulls),
        )?;
        columns.push(Arc::new(array));
    }
    fields.push(Field::new("_file", DataType::Utf8, true));
    columns.push(Arc::new(StringArray::from(vec![file; rows])));
    fields.push(Field::new("_line", DataType::Int64, true));
    columns.push(Arc::new(Int64Array::from_iter_values(chunk.lines.iter().map(|l| i64::try_from(*l).unwrap_or(i64::MAX)))));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// All columns of several files of one table.
fn union(batches: &[RecordBatch]) -> Arc<Schema> {
    let mut fields: Vec<Field> = Vec::new();
    for b in batches {
        for f in b.schema().fields() {
            if !fields.iter().any(|x| x.name() == f.name()) {
                fields.push(f.as_ref().clone());
            }
        }
    }
    Arc::new(Schema::new(fields))
}

fn fit(b: &RecordBatch, schema: &Arc<Schema>) -> Result<RecordBatch, EngineError> {
    let columns = schema
        .fields()
        .iter()
        .map(|f| {
            b.column_by_name(f.name())
                .cloned()
                .unwrap_or_else(|| datafusion::arrow::array::new_null_array(f.data_type(), b.num_rows()))
        })
        .collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn register(cx: &SessionContext, function: TextFunction) {
    let call = function.call;
    let body = move |args: &[ColumnarValue]| {
        let apply = |array: &ArrayRef| -> datafusion::error::Result<StringArray> {
            let text = cast(array, &DataType::Utf8)?;
            Ok(text.as_string::<i32>().iter().map(|cell| cell.and_then(|c| call(c))).collect())
        };
        match &args[0] {
            ColumnarValue::Array(array) => Ok(ColumnarValue::Array(Arc::new(apply(array)?) as ArrayRef)),
            ColumnarValue::Scalar(one) => {
                let out = apply(&one.to_array()?)?;
                Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::Utf8(out.is_valid(0).then(|| out.value(0).to_owned()))))
            }
        }
    };
    cx.register_udf(create_udf(function.name, vec![DataType::Utf8], DataType::Utf8, Volatility::Immutable, Arc::new(body)));
}
