//! Tests of the real binary: as a new user would run it, and as nobody should.

mod crash;
mod fixtures;
mod golden;
mod home;
mod packs;
mod shared;
mod sources;
mod taps;
mod wrong_input;
