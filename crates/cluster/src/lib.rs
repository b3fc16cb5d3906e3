//! The pass on several machines: a scheduler hands partitions of the pass to workers, and whoever
//! asked puts their facts together. All of them see one record, in a folder or an object store that they share.
//!
//! This is the only crate that names Ballista.

mod codec;
mod roles;
mod tls;

pub use roles::{Cluster, Post, derive, host_and_port, scheduler, worker};
pub use tls::Tls;
