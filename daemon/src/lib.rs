//! The daemon.

pub mod crypto;
