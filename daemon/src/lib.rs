//! The daemon.

pub mod audit;
pub mod hardening;
pub mod seal;
pub mod store;
pub mod vault;

/// Routes allocations made inside [`vault::run`] to secret memory.
#[global_allocator]
static ALLOCATOR: vault::VaultAlloc = vault::VaultAlloc;
