//! What Treaty can be asked to do, without saying how.
//!
//! - [`layout`] is the record's native layout, version 1: the one definition of its tables.
//! - [`raw`] carries rows of text from a reader to the record, each with its file and line.
//! - [`identity`] is what is found and decided about who is who.
//! - [`import`] is what an import reports back.
//! - [`report`] is the one shape of every report, whoever shows it.
//! - [`review`] is the alignment review: promises first, then the reports.
//! - [`trust`] is what a home says about whom to believe and what is healthy.

pub mod identity;
pub mod import;
pub mod layout;
pub mod raw;
pub mod render;
pub mod report;
pub mod review;
pub mod trust;
