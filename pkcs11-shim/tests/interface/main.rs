//! What the module shows without a call: its library, its tables, its conversions of pointers.

#![expect(clippy::unwrap_used, reason = "a failure is the test's")]

mod library;
mod pointers;
mod tables;
