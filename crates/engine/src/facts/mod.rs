//! Facts: the agreement applied to the record, as tables that anyone may query.
//!
//! The pass runs over chunks of whole groups on all cores. Chunks are cut by size alone, so the
//! tables are the same bytes however many threads ran.

mod build;
mod dims;
mod schemas;
mod small;
mod subjects;

use crate::error::EngineError;
use crate::load::{Feeder, View, World};
use crate::sql;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::MemTable;
use datafusion::prelude::SessionContext;
use dims::Dims;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use treaty_domain::agreement::AgreementSet;
use treaty_domain::facts::Collected;
use treaty_domain::fold::{Scratch, fold};

/// Work in one chunk of the pass: touches plus eight a person.
const CHUNK: u64 = 1_500_000;

/// One fact table.
#[derive(Debug, Clone)]
pub struct FactTable {
    /// Columns.
    pub schema: SchemaRef,
    /// Rows in the order of the pass.
    pub batches: Vec<RecordBatch>,
}

impl FactTable {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

/// All facts of one view of the record.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Tables by name.
    pub tables: BTreeMap<&'static str, FactTable>,
    /// View they were derived from.
    pub view: View,
    /// Names of custom attributes that can be used as dimensions of leads.
    pub attributes: Vec<String>,
    /// What to keep in mind about the data.
    pub notes: Vec<String>,
}

/// Runs the pass.
///
/// # Errors
/// When columns do not fit together, which is a defect.
pub fn derive(world: &World, set: &AgreementSet, view: View, attributes: Vec<String>) -> Result<Facts, EngineError> {
    let dims = Dims::new(world, set.on(view.day()))?;
    let feeder = Feeder::new(world);
    let mut cuts = vec![0usize];
    let mut before = 0;
    for g in 0..feeder.groups() {
        let weight = feeder.weight_before(g);
        if weight - before > CHUNK {
            cuts.push(g);
            before = weight;
        }
    }
    cuts.push(feeder.groups());
    let chunks: Vec<(usize, usize)> = cuts.windows(2).map(|w| (w[0], w[1])).collect();
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(chunks.len());
    let mut done: Vec<(usize, Result<build::Batches, EngineError>)> = std::thread::scope(|scope| {
        let run = || {
            let mut mine = Vec::new();
            let mut scratch = Scratch::default();
            let mut space = crate::load::Assembly::default();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some((from, to)) = chunks.get(i) else { return mine };
                let mut sink = Collected::default();
                for g in *from..*to {
                    let timeline = feeder.timeline(g as u32, &mut space);
                    fold(&world.context, &timeline, &mut scratch, &mut sink);
                }
                mine.push((i, build::batches(&sink, world, &dims)));
            }
        };
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(run)).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap_or_default()).collect()
    });
    if done.len() != chunks.len() {
        return Err(EngineError::Agreement("the pass over the record stopped early; this is a defect of Treaty".to_owned()));
    }
    done.sort_by_key(|(i, _)| *i);
    let mut tables: BTreeMap<&'static str, FactTable> = BTreeMap::new();
    for (_, batches) in done {
        for (name, batch) in batches? {
            let schema = batch.schema();
            let table = tables.entry(name).or_insert_with(|| FactTable { schema, batches: Vec::new() });
            table.batches.push(batch);
        }
    }
    Ok(Facts { tables, view, attributes, notes: notes(world) })
}

impl Facts {
    /// Adds a small table that is not derived by the pass.
    pub fn add(&mut self, name: &'static str, batch: RecordBatch) {
        self.tables.insert(name, FactTable { schema: batch.schema(), batches: vec![batch] });
    }

    /// A session in which every fact table can be queried; custom attributes of leads and
    /// opportunities are columns of their own.
    ///
    /// # Errors
    /// When a table cannot be registered.
    pub async fn session(&self) -> Result<SessionContext, EngineError> {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let cx = sql::session_with(workers);
        for (name, table) in &self.tables {
            let with_attributes = table.schema.index_of("attributes").is_ok();
            let keys: Vec<&String> =
                self.attributes.iter().filter(|k| with_attributes && table.schema.index_of(k).is_err()).collect();
            let mut partitions = vec![Vec::new(); workers.max(1)];
            for (i, batch) in table.batches.iter().enumerate() {
                partitions[i % workers.max(1)].push(batch.clone());
            }
            let provider = Arc::new(MemTable::try_new(Arc::clone(&table.schema), partitions)?);
            if keys.is_empty() {
                cx.register_table(*name, provider)?;
                continue;
            }
            let raw = format!("{name}_raw");
            cx.register_table(raw.as_str(), provider)?;
            let extra: String =
                keys.iter().map(|k| format!(", attr(attributes, {}) AS {}", sql::literal(k), sql::quoted(k))).collect();
            cx.sql(&format!("CREATE VIEW {name} AS SELECT *{extra} FROM {raw}")).await?.collect().await?;
        }
        Ok(cx)
    }
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

pub use schemas::schemas;
pub use small::{purchases, spend};
