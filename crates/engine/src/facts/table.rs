//! Fact tables: core columns as the pass left them, and readable columns that are made when they
//! are asked for.

use super::core::{Core, TABLES, schemas};
use super::kept::KeptChunk;
use super::columns;
use super::scan::scan;
use super::shape::{Made, Shape, dictionary};
use crate::error::EngineError;
use async_trait::async_trait;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::{Arc, OnceLock};

/// The facts of a run of accounts.
#[derive(Debug)]
pub struct Chunk {
    /// How many.
    pub rows: usize,
    names: Arc<[String]>,
    cells: Vec<OnceLock<ArrayRef>>,
    /// Where core columns are kept.
    kept: Option<KeptChunk>,
}

impl Chunk {
    fn new(rows: usize, names: &Arc<[String]>) -> Self {
        Self { rows, names: Arc::clone(names), cells: names.iter().map(|_| OnceLock::new()).collect(), kept: None }
    }

    /// A core column; one that is kept is read when it is first asked for.
    ///
    /// # Errors
    /// When there is no such column, or it cannot be read.
    pub fn core(&self, name: &str) -> Result<&ArrayRef, EngineError> {
        let defect = || EngineError::Ask(format!("facts have no column `{name}`; this is a defect of Treaty"));
        let cell = self.names.iter().position(|n| n == name).map(|at| &self.cells[at]).ok_or_else(defect)?;
        if let (None, Some(kept)) = (cell.get(), &self.kept) {
            let _ = cell.set(kept.column(name)?);
        }
        cell.get().ok_or_else(defect)
    }
}

/// One fact table.
#[derive(Debug, Clone)]
pub struct FactTable {
    /// Columns.
    pub schema: SchemaRef,
    rows: Rows,
    /// Number of readable columns; those behind them are the codes of words.
    readable: usize,
}

/// The words behind the codes of a dimension.
#[derive(Debug, Clone)]
pub struct Words(ArrayRef);

impl Words {
    /// The word of a code that is written as a number; none for no code.
    pub fn of(&self, code: Option<&str>) -> Option<String> {
        self.at(code?.parse().ok()?).map(str::to_owned)
    }

    /// The word of a code.
    pub fn at(&self, code: i32) -> Option<&str> {
        let words = self.0.as_string_opt::<i32>()?;
        let at = usize::try_from(code).ok().filter(|at| *at < words.len())?;
        words.is_valid(at).then(|| words.value(at))
    }
}

/// Name of the code of a dimension.
pub fn code(dim: &str) -> String {
    format!("{dim}#")
}

/// Name of a fact table with codes in a session.
pub fn coded(table: &str) -> String {
    format!("{table}_coded")
}

#[derive(Debug, Clone)]
enum Rows {
    /// What the pass yielded, and what its columns are made from.
    Pass { name: &'static str, chunks: Arc<Vec<Chunk>>, shape: Arc<Shape> },
    /// A small table, as it is.
    Plain(RecordBatch),
}

impl FactTable {
    /// A table of the pass; custom attributes become columns of their own.
    pub fn of_pass(name: &'static str, cores: Vec<RecordBatch>, shape: &Arc<Shape>, attributes: &[String]) -> Self {
        let names = names_of(cores.first());
        let chunk = |core: RecordBatch| {
            let chunk = Chunk::new(core.num_rows(), &names);
            chunk.cells.iter().zip(core.columns()).for_each(|(cell, column)| _ = cell.set(Arc::clone(column)));
            chunk
        };
        Self::of_chunks(name, shape, attributes, cores.into_iter().map(chunk).collect())
    }

    /// A table whose core columns are kept.
    pub fn kept(name: &'static str, chunks: Vec<KeptChunk>, shape: &Arc<Shape>, attributes: &[String]) -> Self {
        let place = TABLES.iter().position(|t| *t == name).unwrap_or(0);
        let names: Arc<[String]> = schemas()[place].fields().iter().map(|f| f.name().clone()).collect();
        let chunk = |kept: KeptChunk| Chunk { rows: kept.rows, kept: Some(kept), ..Chunk::new(0, &names) };
        Self::of_chunks(name, shape, attributes, chunks.into_iter().map(chunk).collect())
    }

    fn of_chunks(name: &'static str, shape: &Arc<Shape>, attributes: &[String], chunks: Vec<Chunk>) -> Self {
        let listed = super::schemas::schema(name);
        let mut fields: Vec<Arc<Field>> = listed.fields().iter().cloned().collect();
        if listed.index_of("attributes").is_ok() {
            let new = attributes.iter().filter(|a| listed.index_of(a).is_err());
            fields.extend(new.map(|a| Arc::new(Field::new(a, dictionary(), true))));
        }
        let rows = Rows::Pass { name, chunks: Arc::new(chunks), shape: Arc::clone(shape) };
        Self { readable: fields.len(), schema: Arc::new(Schema::new(fields)), rows }
    }

    /// Rows of each chunk.
    pub fn chunk_rows(&self) -> Vec<usize> {
        match &self.rows {
            Rows::Pass { chunks, .. } => chunks.iter().map(|c| c.rows).collect(),
            Rows::Plain(batch) => vec![batch.num_rows()],
        }
    }

    /// The same table with the code of every word beside it, for grouping: numbers are quicker.
    pub fn with_codes(&self) -> Self {
        let mut fields: Vec<Arc<Field>> = self.schema.fields().iter().cloned().collect();
        let words: Vec<&str> = fields.iter().filter(|f| self.has_codes(f.name())).map(|f| f.name().as_str()).collect();
        let codes: Vec<Arc<Field>> = words.iter().map(|w| Arc::new(Field::new(code(w), DataType::Int32, true))).collect();
        fields.extend(codes);
        Self { schema: Arc::new(Schema::new(fields)), ..self.clone() }
    }

    /// Whether a column is one of words that are the same list in all chunks.
    pub fn has_codes(&self, column: &str) -> bool {
        let field = self.schema.field_with_name(column);
        matches!(self.rows, Rows::Pass { .. }) && field.is_ok_and(|f| *f.data_type() == dictionary())
    }

    /// The words of a column that was asked for before.
    ///
    /// # Errors
    /// When the column cannot be made, which is a defect.
    pub fn words(&self, column: &str) -> Result<Option<Words>, EngineError> {
        let Rows::Pass { name, chunks, shape } = &self.rows else { return Ok(None) };
        let Some(chunk) = chunks.first().filter(|_| self.has_codes(column)) else { return Ok(None) };
        Ok(match columns::make(name, &Core(chunk), shape, column)? {
            Made::Codes(words, _) => Some(Words(words)),
            Made::Values(_) => None,
        })
    }

    /// Position of the readable column that a column is made from.
    fn source(&self, at: usize) -> usize {
        if at < self.readable {
            return at;
        }
        let name = self.schema.field(at).name();
        self.schema.index_of(name.trim_end_matches('#')).unwrap_or(0)
    }

    /// A small table that is there already.
    pub fn plain(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), readable: batch.num_columns(), rows: Rows::Plain(batch) }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.chunk_rows().iter().sum()
    }

    /// Reads what columns are made from and is not there yet.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn prepare(&self, wanted: &[usize]) -> Result<(), EngineError> {
        let Rows::Pass { name, chunks, shape } = &self.rows else { return Ok(()) };
        for at in wanted.iter().map(|at| self.source(*at)) {
            let column = self.schema.field(at).name();
            shape.prepare(&columns::needs(name, column)).await?;
            if column == "touchpoint_id" {
                let touches = touches(chunks)?;
                shape.prepare_touchpoints(&touches).await?;
            }
        }
        Ok(())
    }

    /// Some columns by position, prepared, a batch for each run of accounts, in the order of the pass.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn columns(&self, wanted: &[usize]) -> Result<Vec<RecordBatch>, EngineError> {
        let schema = Arc::new(self.schema.project(wanted)?);
        (0..self.chunk_rows().len()).map(|chunk| self.batch(chunk, wanted, &schema)).collect()
    }

    /// Some columns by position, prepared, of a run of accounts.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    pub fn batch(&self, chunk: usize, wanted: &[usize], schema: &SchemaRef) -> Result<RecordBatch, EngineError> {
        match &self.rows {
            Rows::Plain(batch) => Ok(batch.project(wanted)?),
            Rows::Pass { name, chunks, shape } => {
                let chunk = &chunks[chunk];
                let column = |at: &usize| -> Result<ArrayRef, EngineError> {
                    match columns::make(name, &Core(chunk), shape, self.schema.field(self.source(*at)).name())? {
                        Made::Codes(_, codes) if *at >= self.readable => Ok(Arc::new(codes)),
                        made => made.readable(),
                    }
                };
                let columns = wanted.iter().map(column).collect::<Result<Vec<_>, _>>()?;
                let options = RecordBatchOptions::new().with_row_count(Some(chunk.rows));
                Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
            }
        }
    }
}

fn names_of(core: Option<&RecordBatch>) -> Arc<[String]> {
    core.map(|c| c.schema().fields().iter().map(|f| f.name().clone()).collect()).unwrap_or_default()
}

/// Numbers of the touches that credits name.
fn touches(chunks: &[Chunk]) -> Result<Vec<u32>, EngineError> {
    let mut all = Vec::new();
    for chunk in chunks {
        all.extend_from_slice(Core(chunk).u32("touch")?);
    }
    Ok(all)
}

#[async_trait]
impl TableProvider for FactTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let failed = |e: EngineError| DataFusionError::External(Box::new(e));
        self.prepare(wanted).await.map_err(failed)?;
        scan(self, wanted, state.config().target_partitions().max(1))
    }
}
