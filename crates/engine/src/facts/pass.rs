//! The pass as an operator of the query engine. A partition folds whole accounts, chunk by chunk in
//! their order, and yields one row a chunk: a list of core facts for each table. Its lists share the
//! memory of the columns that the fold has filled. A partition needs nothing from another one, so
//! they may run in threads or in other processes ([`super::order`]).

use super::core::{Growing, TABLES, schemas};
use super::kept::{GROUPS, Keeper, Lineage, Older, Rest};
use super::order::Order;
use super::shape::Shape;
use super::table::FactTable;
use super::{Facts, small};
use crate::error::EngineError;
use crate::load::lens::Merged;
use crate::load::{View, World, load};
use crate::record::{Record, par};
use async_trait::async_trait;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, ListArray, RecordBatch, StringArray, StructArray, UInt32Array, new_null_array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
    execute_stream_partitioned,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use treaty_domain::agreement::AgreementSet;
use treaty_domain::facts::Collected;
use treaty_domain::fold::{Scratch, fold};
use treaty_domain::timeline::NONE;

/// Leads whose facts are collected before they go into columns: as many as stay in the nearest cache.
const BLOCK: usize = 1_024;

/// A view of the record, loaded and ready to be folded.
pub struct Ready {
    world: World,
    shape: Arc<Shape>,
    rest: Rest,
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ready({} chunks)", self.chunks())
    }
}

impl Ready {
    /// Loads what the pass needs. `whole`: numbers are those that every process gives.
    ///
    /// # Errors
    /// When the record cannot be read or a condition of the agreement cannot be evaluated.
    pub async fn load(record: &Record, set: &AgreementSet, view: View, whole: bool) -> Result<Self, EngineError> {
        let world = load(record, set, view, whole).await?;
        let mut attributes = record.attribute_keys("people", view.version)?;
        let more = std::iter::once(crate::identity::QUARANTINED.to_owned());
        for key in record.attribute_keys("opportunities", view.version)?.into_iter().chain(more) {
            if !attributes.contains(&key) {
                attributes.push(key);
            }
        }
        let plain = [
            ("spend", small::spend(&world)?),
            ("purchases", small::purchases(&world)?),
            ("campaigns", world.small.cast.campaigns.clone()),
            ("users", world.small.cast.users.clone()),
        ];
        let mut notes = notes(&world);
        notes.extend(crate::trust::snapshot_note(record, view.version));
        let shape = Arc::new(Shape::new(&world, set.on(view.day()), view, record)?);
        let told = &world.timelines.contents;
        let rest = Rest { notes, attributes, suspects: told.suspects, base: told.base.clone(), plain: plain.into() };
        Ok(Self { world, shape, rest })
    }

    /// Folds patched groups and keeps them with older facts.
    fn patch(&self, keeper: &Keeper, lineage: Lineage, older: &Older) -> Result<(), EngineError> {
        par::blocking(|| {
            par::try_map(older.patched(), |chunk| keeper.add(self.fold(chunk, true)?))?;
            keeper.finish_patch(&self.rest, &self.shape, lineage, older)
        })
    }

    /// How many chunks there are.
    fn chunks(&self) -> usize {
        self.world.timelines.chunks()
    }

    /// What is told beside the facts: a row for each named table.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    fn rest(&self) -> Result<RecordBatch, EngineError> {
        let (names, rows): (Vec<String>, Vec<Vec<u8>>) = self.rest.pack(&self.shape)?.into_iter().unzip();
        let schema = output();
        let mut columns: Vec<ArrayRef> = schema.fields().iter().map(|f| new_null_array(f.data_type(), names.len())).collect();
        columns.truncate(TABLES.len() + 2);
        columns.push(Arc::new(StringArray::from(names)));
        columns.push(Arc::new(BinaryArray::from_iter_values(rows)));
        Ok(RecordBatch::try_new(schema, columns)?)
    }

    /// Folds the accounts of a chunk; of those that a patch puts in the place of others, if only they
    /// are asked for.
    ///
    /// # Errors
    /// When columns do not fit together, which is a defect.
    fn fold(&self, chunk: usize, patch_alone: bool) -> Result<RecordBatch, EngineError> {
        let timelines = &self.world.timelines;
        let base = if patch_alone { None } else { Some(timelines.chunk(chunk)?) };
        let patch = timelines.chunk_patch(chunk)?;
        let slices = Merged::new(base.as_ref(), patch.as_ref(), &self.world.lens)?;
        drop((base, patch));
        let mut scratch = Scratch::default();
        let (mut sink, mut growing, mut groups) = (Collected::default(), Growing::default(), Groups::default());
        for (group, timeline) in slices.timelines() {
            let before = Groups::rows(&sink);
            fold(&self.world.context, &timeline, &mut scratch, &mut sink);
            groups.take(group, before, Groups::rows(&sink));
            if sink.leads.len() >= BLOCK || sink.credits.len() >= 4 * BLOCK {
                growing.take(&mut sink);
            }
        }
        growing.take(&mut sink);
        let mut columns: Vec<ArrayRef> = vec![Arc::new(UInt32Array::from(vec![chunk as u32]))];
        for table in growing.finish()?.into_iter().chain([groups.finish()?]) {
            let rows = StructArray::from(table);
            let item = Arc::new(Field::new("item", rows.data_type().clone(), true));
            columns.push(Arc::new(ListArray::try_new(item, OffsetBuffer::from_lengths([rows.len()]), Arc::new(rows), None)?));
        }
        columns.extend([DataType::Utf8, DataType::Binary].iter().map(|t| new_null_array(t, 1)));
        Ok(RecordBatch::try_new(output(), columns)?)
    }
}

/// How many facts the groups of a chunk have, group by group in their order.
#[derive(Default)]
struct Groups {
    base: Vec<u32>,
    rows: [Vec<u32>; TABLES.len()],
}

impl Groups {
    /// Facts so far, in the order of [`TABLES`].
    fn rows(c: &Collected) -> [usize; TABLES.len()] {
        [c.leads.len(), c.visits.len(), c.opportunities.len(), c.handoffs.len(), c.clocks.len(), c.influences.len(), c.credits.len()]
    }

    fn take(&mut self, base: Option<u32>, before: [usize; TABLES.len()], after: [usize; TABLES.len()]) {
        self.base.push(base.unwrap_or(NONE));
        for (rows, (before, after)) in self.rows.iter_mut().zip(before.into_iter().zip(after)) {
            rows.push((after - before) as u32);
        }
    }

    fn finish(self) -> Result<RecordBatch, EngineError> {
        let columns = std::iter::once(self.base).chain(self.rows).map(|c| Arc::new(UInt32Array::from(c)) as ArrayRef);
        Ok(RecordBatch::try_new(groups(), columns.collect())?)
    }
}

/// Columns of groups: which group of the base it is, if any, and its facts by table.
pub(super) fn groups() -> SchemaRef {
    let names = std::iter::once("base").chain(TABLES);
    Arc::new(Schema::new(names.map(|name| Field::new(name, DataType::UInt32, true)).collect::<Vec<_>>()))
}

/// Columns of the pass: the number of the chunk, its facts by table and the sizes of its groups, or
/// else the name of a further table and its rows as an Arrow stream.
pub(super) fn output() -> SchemaRef {
    let list = |(name, table): (&str, SchemaRef)| {
        let item = Field::new("item", DataType::Struct(table.fields().clone()), true);
        Field::new(name, DataType::List(Arc::new(item)), true)
    };
    let mut fields = vec![Field::new("chunk", DataType::UInt32, true)];
    fields.extend(TABLES.into_iter().zip(schemas()).map(list));
    fields.push(list((GROUPS, groups())));
    fields.push(Field::new("name", DataType::Utf8, true));
    fields.push(Field::new("rows", DataType::Binary, true));
    Arc::new(Schema::new(fields))
}

/// Where the pass has its accounts from.
#[derive(Debug, Clone)]
enum Source {
    /// They are loaded in this process.
    Here(Arc<Ready>),
    /// Whoever runs a partition loads them.
    Ordered(Arc<Order>),
}

/// What the operator reads: which shares of the pass a partition has to fold, and how many there are.
fn shares(n: usize) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let schema = Arc::new(Schema::new(vec![Field::new("share", DataType::UInt32, false), Field::new("of", DataType::UInt32, false)]));
    let share = |i: usize| -> DataFusionResult<Vec<RecordBatch>> {
        let columns: Vec<ArrayRef> = [i, n].iter().map(|x| Arc::new(UInt32Array::from(vec![*x as u32])) as ArrayRef).collect();
        Ok(vec![RecordBatch::try_new(Arc::clone(&schema), columns)?])
    };
    let partitions = (0..n).map(share).collect::<DataFusionResult<Vec<_>>>()?;
    let plan: Arc<dyn ExecutionPlan> = MemorySourceConfig::try_new_exec(&partitions, Arc::clone(&schema), None)?;
    Ok(plan)
}

/// The operator: a partition folds the shares that its input names, whole accounts in the order of
/// the pass.
#[derive(Debug)]
pub struct PassExec {
    source: Source,
    input: Arc<dyn ExecutionPlan>,
    projection: Option<Vec<usize>>,
    properties: Arc<PlanProperties>,
}

impl PassExec {
    fn new(source: Source, input: Arc<dyn ExecutionPlan>, projection: Option<Vec<usize>>) -> DataFusionResult<Self> {
        let schema = match &projection {
            Some(places) => Arc::new(output().project(places)?),
            None => output(),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Self { source, input, projection, properties: Arc::new(properties) })
    }

    /// The order and the columns that are wanted of it, unless the accounts are loaded here.
    pub fn order(&self) -> Option<(&Order, Option<&[usize]>)> {
        match &self.source {
            Source::Here(_) => None,
            Source::Ordered(order) => Some((order, self.projection.as_deref())),
        }
    }

    /// The operator of an order over an input that names shares.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn ordered(order: Order, input: Arc<dyn ExecutionPlan>, projection: Option<Vec<usize>>) -> DataFusionResult<Self> {
        Self::new(Source::Ordered(Arc::new(order)), input, projection)
    }
}

impl DisplayAs for PassExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partitions = self.properties.partitioning.partition_count();
        write!(f, "PassExec: partitions={partitions}, whole accounts, ordered by account and time")?;
        if let Source::Ordered(order) = &self.source {
            write!(f, ", {order}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for PassExec {
    fn name(&self) -> &str {
        Self::static_name()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DataFusionResult<TreeNodeRecursion>,
    ) -> DataFusionResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let [input] = <[_; 1]>::try_from(children).map_err(|_| DataFusionError::Internal("the pass has one input".to_owned()))?;
        Ok(Arc::new(Self::new(self.source.clone(), input, self.projection.clone())?))
    }

    fn execute(&self, partition: usize, cx: Arc<TaskContext>) -> DataFusionResult<SendableRecordBatchStream> {
        let (source, projection) = (self.source.clone(), self.projection.clone());
        let rows = self
            .input
            .execute(partition, cx)?
            .and_then(move |named| {
                let source = source.clone();
                async move { fold_shares(&source, &named).await.map_err(external) }
            })
            .try_flatten()
            .map(move |batch| match &projection {
                Some(places) => Ok(batch?.project(places)?),
                None => batch,
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// Folds the shares that rows name, chunk by chunk; with the first share comes what belongs to the whole.
async fn fold_shares(
    source: &Source,
    named: &RecordBatch,
) -> Result<impl Stream<Item = DataFusionResult<RecordBatch>> + Send + use<>, EngineError> {
    let (ready, ordered) = match source {
        Source::Here(ready) => (Arc::clone(ready), false),
        Source::Ordered(order) => (order.ready().await?, true),
    };
    let (share, of) = (named.column(0).as_primitive::<UInt32Type>(), named.column(1).as_primitive::<UInt32Type>());
    let (mut own, mut rest) = (Vec::new(), None);
    for (share, of) in share.values().iter().zip(of.values()) {
        let (share, of) = (*share as usize, (*of).max(1) as usize);
        own.extend(ready.chunks() * share / of..ready.chunks() * (share + 1) / of);
        if ordered && share == 0 {
            rest = Some(ready.rest()?);
        }
    }
    let folded = stream::iter(own).map(move |chunk| par::blocking(|| ready.fold(chunk, false)).map_err(external));
    Ok(stream::iter(rest.map(Ok)).chain(folded))
}

fn external(e: EngineError) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}

/// The pass over an ordered view as a table, for plans that leave the process and for `EXPLAIN`.
#[derive(Debug, Clone)]
pub struct PassTable(pub Arc<Order>);

#[async_trait]
impl TableProvider for PassTable {
    fn schema(&self) -> SchemaRef {
        output()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let source = Source::Ordered(Arc::clone(&self.0));
        Ok(Arc::new(PassExec::new(source, shares(self.0.partitions.max(1))?, projection.cloned())?))
    }
}

/// Loads a view and runs the pass in this process. Facts are kept in a folder if one is given, and in
/// memory otherwise, or where they cannot be kept. Where facts of an older version are kept, only the
/// accounts that were touched since are folded.
///
/// # Errors
/// When the record cannot be read or a condition of the agreement cannot be evaluated.
pub async fn derive(record: &Record, set: &AgreementSet, view: View, folder: Option<&Path>) -> Result<Facts, EngineError> {
    let ready = Arc::new(Ready::load(record, set, view, false).await?);
    if let Some(folder) = folder
        && let Ok(keeper) = Keeper::new(folder)
    {
        let keeper = Arc::new(keeper);
        let lineage = Lineage::of(record, set, view, &ready.rest.base);
        let own = Arc::clone(&keeper);
        let kept = match par::blocking(|| Older::find(folder, &lineage, &ready.world.timelines)) {
            Some(older) => ready.patch(&keeper, lineage, &older),
            None => run(&ready, move |batch| own.add(batch))
                .await
                .and_then(|_| par::blocking(|| keeper.finish(&ready.rest, &ready.shape, lineage))),
        };
        if let Some(facts) = kept.ok().and_then(|()| super::open(folder, record, set, view)) {
            return Ok(facts);
        }
    }
    let batches = run(&ready, Ok).await?;
    collect(&batches, &ready.shape, ready.rest.clone(), view)
}

/// Keeps the facts of a view, if all but patched groups of its timelines are those of facts that are kept.
///
/// # Errors
/// When the record cannot be read, or files cannot be written.
pub async fn follow(record: &Record, set: &AgreementSet, view: View) -> Result<(), EngineError> {
    let folder = super::place(record, set, view);
    if super::open(&folder, record, set, view).is_some() {
        return Ok(());
    }
    let ready = Ready::load(record, set, view, false).await?;
    let lineage = Lineage::of(record, set, view, &ready.rest.base);
    if let Some(older) = par::blocking(|| Older::find(&folder, &lineage, &ready.world.timelines)) {
        ready.patch(&Keeper::new(&folder)?, lineage, &older)?;
    }
    Ok(())
}

/// Runs the pass and does something with each of its rows as they come; gives what that gave.
async fn run<T: Send + 'static>(
    ready: &Arc<Ready>,
    each: impl Fn(RecordBatch) -> Result<T, EngineError> + Clone + Send + Sync + 'static,
) -> Result<Vec<T>, EngineError> {
    // More partitions than cores, so that a heavy one does not leave the others idle, but only as many
    // at once as there are cores: each needs memory.
    let partitions = (4 * par::workers()).min(ready.chunks());
    let plan = PassExec::new(Source::Here(Arc::clone(ready)), shares(partitions)?, None)?;
    let streams = execute_stream_partitioned(Arc::new(plan), Arc::new(TaskContext::default()))?;
    let one = |stream: SendableRecordBatchStream| {
        let each = each.clone();
        async move { tokio::spawn(stream.map(move |batch| each(batch?)).try_collect::<Vec<T>>()).await }
    };
    let done: Vec<_> = stream::iter(streams).map(one).buffered(par::workers()).collect().await;
    let mut all = Vec::new();
    for part in done {
        all.extend(part.map_err(|e| EngineError::Ask(format!("the pass broke off: {e}")))??);
    }
    Ok(all)
}

/// Facts from the rows of an order, in whichever sequence its partitions came; kept as in [`derive()`].
///
/// # Errors
/// When something is missing.
pub fn gather(batches: &[RecordBatch], record: &Record, set: &AgreementSet, view: View, folder: Option<&Path>) -> Result<Facts, EngineError> {
    let mut packed = BTreeMap::new();
    for batch in batches {
        let n = batch.num_columns();
        let (names, rows) = (batch.column(n - 2).as_string::<i32>(), batch.column(n - 1).as_binary::<i32>());
        for i in (0..batch.num_rows()).filter(|i| names.is_valid(*i)) {
            packed.insert(names.value(i).to_owned(), rows.value(i).to_vec());
        }
    }
    let (rest, shape) = Rest::unpack(&packed, set.on(view.day()), view, record)?;
    let keep = |folder: &Path| -> Result<(), EngineError> {
        let keeper = Keeper::new(folder)?;
        batches.iter().try_for_each(|batch| keeper.add(batch.clone()))?;
        keeper.finish(&rest, &shape, Lineage::of(record, set, view, &rest.base))
    };
    // Facts that cannot be kept are as good.
    if let Some(folder) = folder
        && keep(folder).is_ok()
        && let Some(facts) = super::open(folder, record, set, view)
    {
        return Ok(facts);
    }
    collect(batches, &shape, rest, view)
}

/// Facts from the rows of all partitions.
///
/// # Errors
/// When a chunk is missing.
fn collect(batches: &[RecordBatch], shape: &Arc<Shape>, rest: Rest, view: View) -> Result<Facts, EngineError> {
    let mut chunks: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    for (b, batch) in batches.iter().enumerate() {
        let numbers = batch.column(0).as_primitive::<UInt32Type>();
        for r in (0..batch.num_rows()).filter(|r| numbers.is_valid(*r)) {
            if chunks.insert(numbers.value(r), (b, r)).is_some() {
                return Err(EngineError::Ask(format!("chunk {} of the pass came twice; this is a defect of Treaty", numbers.value(r))));
            }
        }
    }
    if chunks.is_empty() || chunks.keys().zip(0..).any(|(number, want)| *number != want) {
        return Err(EngineError::Ask("chunks of the pass are missing; this is a defect of Treaty".to_owned()));
    }
    let mut facts = Facts { tables: BTreeMap::new(), view, attributes: rest.attributes, notes: rest.notes, suspects: rest.suspects };
    for (at, name) in TABLES.into_iter().enumerate() {
        let cores = chunks.values().map(|(b, r)| {
            let rows = batches[*b].column(at + 1).as_list::<i32>().value(*r);
            RecordBatch::from(rows.as_struct())
        });
        let table = FactTable::of_pass(name, cores.collect(), shape, &facts.attributes);
        facts.tables.insert(name, table);
    }
    rest.plain.into_iter().for_each(|(name, batch)| facts.add(name, batch));
    Ok(facts)
}

fn notes(world: &World) -> Vec<String> {
    let s = &world.strays;
    let mut notes = Vec::new();
    let mut say = |n: u64, what: &str| {
        if n > 0 {
            notes.push(format!("{n} {what}"));
        }
    };
    say(s.touchpoints, "touchpoints belong to people that are not in the record; they are left out");
    say(s.activities, "activities name neither a known person nor an opportunity with a primary contact; they count for no lead");
    say(s.stage_changes, "stage changes have an unknown subject or a stage that the agreement in force does not know; they are left out");
    say(s.handoffs, "hand-offs are of people that are not in the record; they are left out");
    say(s.contacts, "contact roles name a person or an opportunity that is not in the record; they are left out");
    notes
}

