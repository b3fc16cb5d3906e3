//! Tests of the real binary: as a new user would run it, and as nobody should.

mod cluster;
mod crash;
mod databases;
mod events;
mod fixtures;
mod golden;
mod home;
mod identity;
mod objects;
mod packs;
mod s3;
mod shared;
mod shared_facts;
mod sources;
mod taps;
mod tls;
mod trust;
mod wrong_input;
