//! Test support.

pub mod base64;
pub mod daemon;
pub mod leak_scanner;
pub mod load;
pub mod wire;
