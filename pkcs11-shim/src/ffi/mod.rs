//! The C boundary: the only unsafe code of this crate.
#![expect(unsafe_code, reason = "C hands in pointers")]

mod authenticated;
mod derivation;
mod derived;
pub mod entry;
pub mod exports;
pub mod initialize;
pub mod list;
mod mechanism;
mod message;
pub mod pointers;
mod process;
pub(crate) mod random;
mod template;
