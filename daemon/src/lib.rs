//! The daemon.

pub mod hardening;
pub mod vault;

/// Routes allocations made inside [`vault::run()`] to secret memory.
#[global_allocator]
static ALLOCATOR: vault::VaultAlloc = vault::VaultAlloc;
