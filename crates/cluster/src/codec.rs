//! The pass on the wire: its order as JSON behind a mark, everything else as Ballista writes it.

use ballista_core::serde::{BallistaLogicalExtensionCodec, BallistaPhysicalExtensionCodec};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{AggregateUDF, Extension, LogicalPlan, ScalarUDF, WindowUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::logical_plan::LogicalExtensionCodec;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use std::sync::Arc;
use treaty_engine::facts::order::{Depot, Order};
use treaty_engine::facts::pass::{PassExec, PassTable};

/// Bytes that no message of Ballista begins with: field 0 does not exist in protocol buffers.
const MARK: &[u8] = b"\0treaty.pass\0";

/// Writes and reads the pass; what is read runs over the record of the depot.
#[derive(Debug)]
pub struct Codec {
    depot: Arc<Depot>,
    logical: BallistaLogicalExtensionCodec,
    physical: BallistaPhysicalExtensionCodec,
}

impl Codec {
    /// Of a process.
    pub fn new(depot: Arc<Depot>) -> Arc<Self> {
        Arc::new(Self { depot, logical: Default::default(), physical: Default::default() })
    }

    fn write(order: &Order, projection: Option<&[usize]>, to: &mut Vec<u8>) -> Result<()> {
        let failed = |e: String| DataFusionError::Execution(e);
        let order = order.words().map_err(|e| failed(e.to_string()))?;
        to.extend_from_slice(MARK);
        serde_json::to_writer(to, &(String::from_utf8_lossy(&order), projection)).map_err(|e| failed(e.to_string()))
    }

    fn read(&self, from: &[u8]) -> Option<Result<(Order, Option<Vec<usize>>)>> {
        let json = from.strip_prefix(MARK)?;
        let read = || {
            let (words, projection): (String, _) = serde_json::from_slice(json).map_err(|e| e.to_string())?;
            Ok((Order::read(words.as_bytes(), &self.depot).map_err(|e| e.to_string())?, projection))
        };
        Some(read().map_err(|e: String| DataFusionError::Execution(e)))
    }
}

impl LogicalExtensionCodec for Codec {
    fn try_decode(&self, buf: &[u8], inputs: &[LogicalPlan], cx: &TaskContext) -> Result<Extension> {
        self.logical.try_decode(buf, inputs, cx)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<()> {
        self.logical.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        name: &TableReference,
        schema: SchemaRef,
        cx: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        match self.read(buf) {
            Some(order) => Ok(Arc::new(PassTable(Arc::new(order?.0)))),
            None => self.logical.try_decode_table_provider(buf, name, schema, cx),
        }
    }

    fn try_encode_table_provider(&self, name: &TableReference, node: Arc<dyn TableProvider>, buf: &mut Vec<u8>) -> Result<()> {
        match node.downcast_ref::<PassTable>() {
            Some(PassTable(order)) => Self::write(order, None, buf),
            None => self.logical.try_encode_table_provider(name, node, buf),
        }
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.logical.try_decode_udf(name, buf)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.logical.try_encode_udf(node, buf)
    }

    fn try_decode_udaf(&self, name: &str, buf: &[u8]) -> Result<Arc<AggregateUDF>> {
        self.logical.try_decode_udaf(name, buf)
    }

    fn try_encode_udaf(&self, node: &AggregateUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.logical.try_encode_udaf(node, buf)
    }

    fn try_decode_udwf(&self, name: &str, buf: &[u8]) -> Result<Arc<WindowUDF>> {
        self.logical.try_decode_udwf(name, buf)
    }

    fn try_encode_udwf(&self, node: &WindowUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.logical.try_encode_udwf(node, buf)
    }
}

impl PhysicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        cx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match self.read(buf) {
            Some(order) => {
                let (order, projection) = order?;
                let [input] = inputs else { return Err(DataFusionError::Internal("the pass has one input".to_owned())) };
                Ok(Arc::new(PassExec::ordered(order, Arc::clone(input), projection)?))
            }
            None => self.physical.try_decode(buf, inputs, cx, converter),
        }
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        match node.downcast_ref::<PassExec>().and_then(PassExec::order) {
            Some((order, projection)) => Self::write(order, projection, buf),
            None => self.physical.try_encode(node, buf, converter),
        }
    }

    fn try_decode_udf(&self, name: &str, buf: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.physical.try_decode_udf(name, buf)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, buf: &mut Vec<u8>) -> Result<()> {
        self.physical.try_encode_udf(node, buf)
    }
}
