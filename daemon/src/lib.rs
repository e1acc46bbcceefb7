//! The daemon.
pub mod seal;
pub mod store;
