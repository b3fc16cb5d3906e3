//! The record store: imports, faults, undo, time travel, crashes, and an oracle.

#[path = "record/crash.rs"]
mod crash;
#[path = "record/faults.rs"]
mod faults;
#[path = "record/gone.rs"]
mod gone;
#[path = "record/help.rs"]
mod help;
#[path = "record/history.rs"]
mod history;
#[path = "record/imports.rs"]
mod imports;
#[path = "record/oracle.rs"]
mod oracle;
#[path = "record/slices.rs"]
mod slices;
#[path = "record/upkeep.rs"]
mod upkeep;
#[path = "record/writers.rs"]
mod writers;
