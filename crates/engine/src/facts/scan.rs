//! Reading a fact table: each partition makes the columns of one run of accounts after another, and nobody keeps them. So a
//! query works on what is in the nearest cache, and needs memory for a few runs.

use super::table::FactTable;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::{StreamExt, stream};
use std::ops::Range;
use std::sync::Arc;

/// Neighbouring chunks of a table.
#[derive(Debug)]
struct Run {
    table: FactTable,
    wanted: Vec<usize>,
    schema: SchemaRef,
    chunks: Range<usize>,
}

impl PartitionStream for Run {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (table, wanted, schema) = (self.table.clone(), self.wanted.clone(), Arc::clone(&self.schema));
        let made = move |chunk| table.batch(chunk, &wanted, &schema).map_err(|e| DataFusionError::External(Box::new(e)));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream::iter(self.chunks.clone()).map(made)))
    }
}

/// Reads some columns of a table, which are prepared. Neighbours stay together: each partition takes a run of chunks with
/// about as many rows.
pub fn scan(table: &FactTable, wanted: &[usize], partitions: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema: SchemaRef = Arc::new(table.schema.project(wanted)?);
    let rows = table.chunk_rows();
    let share = rows.iter().sum::<usize>().div_ceil(partitions).max(1);
    let (mut from, mut before) = (0, 0);
    let mut run = |partition: usize| -> Arc<dyn PartitionStream> {
        let begin = from;
        while from < rows.len() && (before / share <= partition || partition + 1 == partitions) {
            before += rows[from];
            from += 1;
        }
        Arc::new(Run { table: table.clone(), wanted: wanted.to_vec(), schema: Arc::clone(&schema), chunks: begin..from })
    };
    let runs = (0..partitions).map(&mut run).collect();
    Ok(Arc::new(StreamingTableExec::try_new(Arc::clone(&schema), runs, None, None, false, None)?))
}
