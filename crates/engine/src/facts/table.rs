//! Fact tables: core columns as the pass left them, and readable columns that are made when they
//! are first asked for and kept from then on.

use super::columns;
use super::core::Core;
use super::shape::{Shape, dictionary};
use crate::error::EngineError;
use crate::record::par;
use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use std::sync::{Arc, OnceLock};

/// The facts of a run of accounts.
#[derive(Debug)]
struct Chunk {
    core: RecordBatch,
    made: Vec<OnceLock<ArrayRef>>,
}

/// One fact table.
#[derive(Debug, Clone)]
pub struct FactTable {
    /// Columns.
    pub schema: SchemaRef,
    rows: Rows,
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
        let listed = super::schemas::schema(name);
        let mut fields: Vec<Arc<Field>> = listed.fields().iter().cloned().collect();
        if listed.index_of("attributes").is_ok() {
            let new = attributes.iter().filter(|a| listed.index_of(a).is_err());
            fields.extend(new.map(|a| Arc::new(Field::new(a, dictionary(), true))));
        }
        let width = fields.len();
        let chunks = cores.into_iter().map(|core| Chunk { core, made: (0..width).map(|_| OnceLock::new()).collect() }).collect();
        let rows = Rows::Pass { name, chunks: Arc::new(chunks), shape: Arc::clone(shape) };
        Self { schema: Arc::new(Schema::new(fields)), rows }
    }

    /// A small table that is there already.
    pub fn plain(batch: RecordBatch) -> Self {
        Self { schema: batch.schema(), rows: Rows::Plain(batch) }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        match &self.rows {
            Rows::Pass { chunks, .. } => chunks.iter().map(|c| c.core.num_rows()).sum(),
            Rows::Plain(batch) => batch.num_rows(),
        }
    }

    /// Reads what columns are made from and is not there yet.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub async fn prepare(&self, wanted: &[usize]) -> Result<(), EngineError> {
        let Rows::Pass { name, chunks, shape } = &self.rows else { return Ok(()) };
        for at in wanted {
            let column = self.schema.field(*at).name();
            if chunks.iter().all(|c| c.made[*at].get().is_some()) {
                continue;
            }
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
        match &self.rows {
            Rows::Plain(batch) => Ok(vec![batch.project(wanted)?]),
            Rows::Pass { name, chunks, shape } => {
                let missing: Vec<(&Chunk, usize)> = chunks
                    .iter()
                    .flat_map(|chunk| wanted.iter().map(move |at| (chunk, *at)))
                    .filter(|(chunk, at)| chunk.made[*at].get().is_none())
                    .collect();
                par::try_map(missing, |(chunk, at)| -> Result<(), EngineError> {
                    let made = columns::make(name, &Core(&chunk.core), shape, self.schema.field(at).name())?;
                    // Somebody else may have been quicker; both made the same.
                    let _ = chunk.made[at].set(made);
                    Ok(())
                })?;
                chunks
                    .iter()
                    .map(|chunk| {
                        let columns: Vec<ArrayRef> =
                            wanted.iter().filter_map(|at| chunk.made[*at].get().map(Arc::clone)).collect();
                        let options = RecordBatchOptions::new().with_row_count(Some(chunk.core.num_rows()));
                        Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?)
                    })
                    .collect()
            }
        }
    }
}

/// Numbers of the touches that credits name.
fn touches(chunks: &[Chunk]) -> Result<Vec<u32>, EngineError> {
    let mut all = Vec::new();
    for chunk in chunks {
        all.extend_from_slice(Core(&chunk.core).u32("touch")?);
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
        let batches = par::blocking(|| self.columns(wanted)).map_err(failed)?;
        let schema = Arc::new(self.schema.project(wanted)?);
        // Neighbours stay together: each partition takes a run of batches with about as many rows.
        let partitions = state.config().target_partitions().max(1);
        let share = batches.iter().map(RecordBatch::num_rows).sum::<usize>().div_ceil(partitions).max(1);
        let mut parts: Vec<Vec<RecordBatch>> = vec![Vec::new(); partitions];
        let mut before = 0;
        for batch in batches {
            let rows = batch.num_rows();
            parts[(before / share).min(partitions - 1)].push(batch);
            before += rows;
        }
        Ok(MemorySourceConfig::try_new_exec(&parts, schema, None)?)
    }
}
