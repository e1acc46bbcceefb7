//! Test support.

pub mod leak_scanner;
