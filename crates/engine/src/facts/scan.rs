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

/// Reads some columns of a table, which are prepared.
pub fn scan(table: &FactTable, wanted: &[usize], partitions: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let schema: SchemaRef = Arc::new(table.schema.project(wanted)?);
    let run = |chunks| -> Arc<dyn PartitionStream> {
        Arc::new(Run { table: table.clone(), wanted: wanted.to_vec(), schema: Arc::clone(&schema), chunks })
    };
    let runs = runs(&table.chunk_rows(), partitions).into_iter().map(run).collect();
    Ok(Arc::new(StreamingTableExec::try_new(Arc::clone(&schema), runs, None, None, false, None)?))
}

/// Neighbours stay together: each partition takes a run of chunks with about as many rows.
fn runs(rows: &[usize], partitions: usize) -> Vec<Range<usize>> {
    let share = rows.iter().sum::<usize>().div_ceil(partitions.max(1)).max(1);
    let (mut from, mut before) = (0, 0);
    let run = |partition: usize| {
        let begin = from;
        while from < rows.len() && (before / share <= partition || partition + 1 == partitions) {
            before += rows[from];
            from += 1;
        }
        begin..from
    };
    (0..partitions).map(run).collect()
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn every_chunk_is_read_once_and_in_order() {
        assert_eq!(runs(&[5, 5, 5, 5], 2), [0..2, 2..4]);
        assert_eq!(runs(&[1, 20, 1, 0], 3), [0..2, 2..2, 2..4]);
        assert_eq!(runs(&[0, 0], 2), [0..2, 2..2]);
        assert_eq!(runs(&[], 2), [0..0, 0..0]);
        assert_eq!(runs(&[3, 3], 1).first(), Some(&(0..2)));
    }
}
