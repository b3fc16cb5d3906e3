//! Facts: the agreement applied to the record, as tables that anyone may query.
//!
//! The pass runs over chunks of whole groups on all cores. Chunks are cut by size alone, so the
//! tables are the same bytes however many threads ran. It yields plain numbers (`core`); what
//! people read is made from them when it is asked for (`columns`, `table`).

mod columns;
mod core;
mod kept;
mod schemas;
mod shape;
mod small;
mod table;

use crate::error::EngineError;
use crate::load::{Feeder, View, World};
use crate::record::{Record, par};
use crate::sql;
use datafusion::arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use shape::Shape;
use std::collections::BTreeMap;
use std::sync::Arc;
pub use table::{FactTable, Words, code, coded};
use treaty_domain::agreement::AgreementSet;
use treaty_domain::facts::Collected;
use treaty_domain::fold::{Scratch, fold};

/// Work in one chunk of the pass: people plus four for each opportunity.
const CHUNK: u64 = 65_536;
/// Leads whose facts are collected before they go into columns: as many as stay in the nearest cache.
const BLOCK: usize = 1_024;

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
    /// People in quarantine.
    pub suspects: u64,
}

/// Runs the pass.
///
/// # Errors
/// When columns do not fit together, which is a defect.
pub async fn derive(
    record: &Record,
    mut world: World,
    set: &AgreementSet,
    view: View,
    attributes: Vec<String>,
) -> Result<Facts, EngineError> {
    let (notes, suspects) = (notes(&world), world.suspects);
    let undecided = par::blocking(|| Feeder::new(&world).undecided());
    if !undecided.is_empty() {
        let ids = record.cells("touchpoints", view.version, "touchpoint_id", &undecided).await?;
        world.know_touchpoints(undecided.into_iter().zip(ids).filter_map(|(row, id)| Some((row, id?))).collect());
    }
    let shape = Arc::new(Shape::new(&world, set.on(view.day()), view, record)?);
    let cores = par::blocking(|| pass(&world))?;
    let tables = core::TABLES
        .iter()
        .zip(cores)
        .map(|(name, cores)| (*name, FactTable::of_pass(name, cores, &shape, &attributes)))
        .collect();
    Ok(Facts { tables, view, attributes, notes, suspects })
}

/// Folds every account; gives for each table of [`core::TABLES`] a batch a chunk.
fn pass(world: &World) -> Result<Vec<Vec<RecordBatch>>, EngineError> {
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
    let done = par::try_map(chunks, |(from, to)| {
        let (mut scratch, mut space) = (Scratch::default(), crate::load::Assembly::default());
        let (mut sink, mut growing) = (Collected::default(), core::Growing::default());
        for g in from..to {
            let timeline = feeder.timeline(g as u32, &mut space);
            fold(&world.context, &timeline, &mut scratch, &mut sink);
            if sink.leads.len() >= BLOCK || sink.credits.len() >= 4 * BLOCK {
                growing.take(&mut sink);
            }
        }
        growing.take(&mut sink);
        growing.finish()
    })?;
    let mut cores: Vec<Vec<RecordBatch>> = core::TABLES.iter().map(|_| Vec::new()).collect();
    for chunk in done {
        cores.iter_mut().zip(chunk).for_each(|(all, batch)| all.push(batch));
    }
    Ok(cores)
}

impl Facts {
    /// Adds a small table that is not derived by the pass.
    pub fn add(&mut self, name: &'static str, batch: RecordBatch) {
        self.tables.insert(name, FactTable::plain(batch));
    }

    /// A session in which every fact table can be queried; custom attributes of leads and
    /// opportunities are columns of their own.
    ///
    /// # Errors
    /// When a table cannot be registered.
    pub async fn session(&self) -> Result<SessionContext, EngineError> {
        let cx = sql::session_with(par::workers());
        for (name, table) in &self.tables {
            cx.register_table(*name, Arc::new(table.clone()))?;
            cx.register_table(coded(name).as_str(), Arc::new(table.with_codes()))?;
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

pub use kept::{open, place, save};
pub use schemas::schemas;
pub use small::{purchases, spend};
