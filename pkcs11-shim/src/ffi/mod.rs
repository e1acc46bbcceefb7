//! The C boundary: the only unsafe code of this crate.
#![expect(unsafe_code, reason = "C hands in pointers")]

mod derivation;
pub mod entry;
pub mod exports;
pub mod initialize;
pub mod list;
mod mechanism;
pub mod pointers;
mod process;
mod random;
mod template;
