//! Test support.

pub mod daemon;
pub mod leak_scanner;
