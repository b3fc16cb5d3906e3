//! treaty
fn main() {}
