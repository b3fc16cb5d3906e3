//! Running a pack: raw text tables in, rows of record tables out, by one query a table.

use crate::error::{EngineError, short};
use crate::pack_count::Seen;
use crate::record::Incoming;
use crate::sql;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::MemTable;
use datafusion::logical_expr::expr_fn::SimpleScalarUDF;
use datafusion::logical_expr::{ColumnarValue, Signature, TypeSignature, Volatility};
use datafusion::prelude::SessionContext;
use std::collections::BTreeMap;
use std::sync::Arc;
use treaty_app::import::{Filtered, SourceCount};
use treaty_app::layout;
use treaty_app::raw::{RawChunk, RawTable};

/// A helper of pack SQL: from texts to a text, or to nothing.
pub struct TextFunction {
    /// Name in SQL.
    pub name: &'static str,
    /// How many arguments it may take.
    pub arguments: &'static [usize],
    /// What it makes of the cells of a row, or why the query makes no sense.
    pub call: Call,
}

/// What a helper does.
pub type Call = Arc<dyn Fn(&[Option<&str>]) -> Result<Option<String>, String> + Send + Sync>;

/// A query of a pack.
pub struct PackQuery {
    /// Record table that it fills, or name of the view that it is.
    pub table: String,
    /// The query.
    pub sql: String,
    /// File, for errors.
    pub file: String,
}

/// What a pack leaves out on purpose.
pub struct LeftOut {
    /// What and why, for the notes of the import.
    pub text: String,
    /// Query of the rows, each by its `_file` and `_line`; or of a number, of what is left out of rows that are used.
    pub sql: String,
    /// The query gives a number.
    pub counted: bool,
}

/// What a pack makes of raw tables.
pub struct PackOutput {
    /// Rows for the record.
    pub incoming: Vec<Incoming>,
    /// Rows that were left out, with their number.
    pub filtered: Vec<Filtered>,
    /// What was left out of rows that are used, in words.
    pub notes: Vec<String>,
    /// What became of the rows of each raw table.
    pub sources: Vec<SourceCount>,
}

/// Runs the queries of a pack over its raw tables. Every raw column is text; the hidden columns
/// `_file` and `_line` say where a row came from.
///
/// # Errors
/// When a query does not parse, names an unknown column, or fails: the file and the reason.
pub async fn run(
    raw: Vec<RawTable>,
    views: &[PackQuery],
    queries: &[PackQuery],
    left_out: &[LeftOut],
    functions: Vec<TextFunction>,
) -> Result<PackOutput, EngineError> {
    let cx = sql::session();
    for function in functions {
        register(&cx, function);
    }
    let mut seen = Seen::of(&raw);
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
    register_views(&cx, views).await?;
    let mut out = PackOutput { incoming: Vec::new(), filtered: Vec::new(), notes: Vec::new(), sources: Vec::new() };
    for query in queries {
        let fault = |e: &DataFusionError| EngineError::Pack { file: query.file.clone(), reason: short(e) };
        let table = layout::table(&query.table).ok_or_else(|| EngineError::Pack {
            file: query.file.clone(),
            reason: format!("`{}` is no table of the record", query.table),
        })?;
        let batches = cx.sql(&query.sql).await.map_err(|e| fault(&e))?.collect().await.map_err(|e| fault(&e))?;
        seen.cite(&batches)?;
        out.incoming.push(Incoming::Arrow { table, file: query.file.clone(), batches });
    }
    for left in left_out {
        let key = if left.counted { "count" } else { "rows" };
        let fault = |reason: String| EngineError::Pack { file: "pack.toml".to_owned(), reason: format!("left_out.{key}, {}: {reason}", left.text) };
        let frame = cx.sql(&left.sql).await.map_err(|e| fault(short(&e)))?;
        if !left.counted && !["_file", "_line"].iter().all(|c| frame.schema().has_column_with_unqualified_name(c)) {
            return Err(fault("must select _file and _line".to_owned()));
        }
        let batches = frame.collect().await.map_err(|e| fault(short(&e)))?;
        if left.counted {
            let n = batches.first().map(|b| cast(b.column(0), &DataType::Int64)).transpose()?;
            let n = n.map_or(0, |n| n.as_primitive::<Int64Type>().iter().flatten().sum::<i64>());
            if n > 0 {
                out.notes.push(format!("{n} {}", left.text));
            }
            continue;
        }
        for (table, rows) in seen.leave_out(&batches)? {
            out.filtered.push(Filtered { table, why: left.text.clone(), rows });
        }
    }
    out.sources = seen.counts();
    Ok(out)
}

/// Computes the views once, each as soon as those that it reads are there.
async fn register_views(cx: &SessionContext, views: &[PackQuery]) -> Result<(), EngineError> {
    let mut waiting: Vec<&PackQuery> = views.iter().collect();
    while !waiting.is_empty() {
        let mut later = Vec::new();
        let mut failed = None;
        for view in &waiting {
            match cx.sql(&view.sql).await {
                Ok(frame) => {
                    let planned = Arc::new(frame.schema().as_arrow().clone());
                    let table = frame.collect().await.and_then(|batches| {
                        // What comes out may be stricter about NULL than what was planned.
                        let schema = batches.first().map_or(planned, RecordBatch::schema);
                        cx.register_table(view.table.as_str(), Arc::new(MemTable::try_new(schema, vec![batches])?))
                    });
                    table.map_err(|e| EngineError::Pack { file: view.file.clone(), reason: short(&e) })?;
                }
                Err(e) => {
                    failed = Some(EngineError::Pack { file: view.file.clone(), reason: short(&e) });
                    later.push(*view);
                }
            }
        }
        if let (true, Some(e)) = (later.len() == waiting.len(), failed) {
            return Err(e);
        }
        waiting = later;
    }
    Ok(())
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
    let TextFunction { name, arguments, call } = function;
    let body = move |args: &[ColumnarValue]| {
        // A column may be empty: only when every argument is a constant is there one row.
        let rows = args.iter().find_map(|a| if let ColumnarValue::Array(a) = a { Some(a.len()) } else { None });
        let texts = args.iter().map(|a| cast(&a.to_array(rows.unwrap_or(1))?, &DataType::Utf8)).collect::<Result<Vec<ArrayRef>, _>>()?;
        let texts: Vec<&StringArray> = texts.iter().map(|a| a.as_string::<i32>()).collect();
        let mut cells = Vec::with_capacity(texts.len());
        let mut row = |i: usize| {
            cells.clear();
            cells.extend(texts.iter().map(|t| t.is_valid(i).then(|| t.value(i))));
            call(&cells).map_err(DataFusionError::Execution)
        };
        let out = (0..rows.unwrap_or(1)).map(&mut row).collect::<Result<StringArray, DataFusionError>>()?;
        match rows {
            Some(_) => Ok(ColumnarValue::Array(Arc::new(out))),
            None => Ok(ColumnarValue::Scalar(ScalarValue::Utf8(out.is_valid(0).then(|| out.value(0).to_owned())))),
        }
    };
    let shapes = arguments.iter().map(|n| TypeSignature::Exact(vec![DataType::Utf8; *n])).collect();
    let signature = Signature::one_of(shapes, Volatility::Immutable);
    cx.register_udf(SimpleScalarUDF::new_with_signature(name, signature, DataType::Utf8, Arc::new(body)).into());
}
