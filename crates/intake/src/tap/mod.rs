//! Taps: programs that print the rows of a system as JSON lines, by the protocol of Singer or of Airbyte.
//!
//! - [`command`] splits a command line and names the tap.
//! - [`process`] runs it: what is it, what has it got, then read.
//! - [`message`] understands one line, [`collect`] a whole run, [`row`] how a record becomes a row.
//! - [`catalog`] chooses streams, [`state`] is where a tap goes on, [`kept`] what stays between runs.
//!
//! What comes out is a folder with a file of JSON lines a stream, which is read like files that a user names.

pub mod catalog;
pub mod collect;
pub mod command;
pub mod kept;
pub mod message;
pub mod process;
pub mod row;
pub mod state;

pub use collect::{Collector, Harvest, file_name};
pub use kept::{Count, Kept, Merged};
pub use process::ask;
pub use state::TapState;
