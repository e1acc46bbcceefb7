//! The command `coffer`.
fn main() {}
