//! The engine of Treaty: the record on Delta Lake, facts by one pass, metrics and reports by SQL.
//!
//! This is the only crate that names Arrow, DataFusion and Delta.

pub mod case;
mod derived;
pub mod diff;
pub mod error;
pub mod export;
pub mod facts;
pub mod identity;
pub mod load;
mod mapped;
pub mod metrics;
pub mod pack;
mod pack_count;
pub mod record;
pub mod reports;
pub mod sources;
pub mod sql;
pub mod trust;
