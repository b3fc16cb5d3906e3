//! Facts: the agreement applied to the record, as tables that anyone may query.
//!
//! The pass is an operator of the query engine (`pass`) that runs over chunks of whole groups. Chunks
//! are cut by size alone, so the tables are the same bytes however many threads or machines ran. It
//! yields plain numbers (`core`); what people read is made from them when it is asked for
//! (`columns`, `table`).

mod columns;
mod core;
mod kept;
pub mod order;
pub mod pass;
mod scan;
mod schemas;
mod shape;
mod shared;
mod small;
mod splice;
mod table;

use crate::error::EngineError;
use crate::load::View;
use crate::record::par;
use crate::sql;
use datafusion::arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use std::collections::BTreeMap;
use std::sync::Arc;
pub use table::{FactTable, Words, code, coded};

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

impl Facts {
    /// Adds a small table that is not derived by the pass.
    pub fn add(&mut self, name: &'static str, batch: RecordBatch) {
        self.tables.insert(name, FactTable::plain(batch));
    }

    /// A session in which every fact table can be queried; custom attributes of leads and
    /// opportunities are columns of their own. `beside`: how many questions are asked at a time, which
    /// share the cores.
    ///
    /// # Errors
    /// When a table cannot be registered.
    pub async fn session(&self, beside: usize) -> Result<SessionContext, EngineError> {
        let cx = sql::session_with((par::workers() / beside.max(1)).max(1));
        for (name, table) in &self.tables {
            cx.register_table(*name, Arc::new(table.clone()))?;
            cx.register_table(coded(name).as_str(), Arc::new(table.with_codes()))?;
        }
        Ok(cx)
    }
}

pub use kept::{asked_last, open, place, shared};
pub use pass::{derive, follow};
pub use schemas::schemas;
pub use shared::{Shared, sweep};
