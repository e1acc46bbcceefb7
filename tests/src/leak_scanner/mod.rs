//! The leak scanner: stops a process and searches all of its memory and registers for key bytes.
//!
//! What it searches for is a [`Patterns`]: the key itself and every intermediate from which the key
//! follows. What it cannot read it lists, so that a test can say that this is secret memory only.

pub mod aes;
pub mod chacha;
pub mod ec;
pub mod edwards;
mod hits;
pub mod mac;
mod maps;
mod number;
mod patterns;
mod registers;
pub mod root;
pub mod rsa;
mod snapshot;
mod stopped;

use std::io;

pub use hits::{Hit, Place, Report, Unreadable};
pub use maps::Mapping;
pub use patterns::{Named, Patterns};
pub use snapshot::Snapshot;

/// Stops the process, searches every mapping and the registers of every thread, and lets it go on.
///
/// Needs the right to trace the process: the same user and a dumpable process, or root.
///
/// # Errors
/// The process is gone or may not be traced.
pub fn scan(process: u32, patterns: &Patterns) -> io::Result<Report> {
    Ok(Snapshot::of(process)?.search(patterns))
}
