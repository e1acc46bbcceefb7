//! cofferd: keys in secret memory, one gate in front of them.
//!
//! A library with a thin `main.rs`, so that tests and fuzzers call it directly.

pub mod alarm;
pub mod application;
pub mod audit;
pub mod backup;
mod bulk;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod deadline;
mod error;
pub mod event;
pub mod hardening;
pub mod journal;
pub mod object;
pub mod partition;
pub mod permits;
pub mod pin;
pub mod schedule;
pub mod seal;
pub mod server;
pub mod service;
pub mod share;
pub mod start;
pub mod state;
pub mod store;
pub mod vault;

pub use error::Error;

/// Every allocation of the process: inside the vault from secret memory, elsewhere from the system.
#[global_allocator]
static ALLOCATOR: vault::VaultAlloc = vault::VaultAlloc;
