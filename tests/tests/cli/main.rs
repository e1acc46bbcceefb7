//! The command against a real daemon: its verbs, and what the documents say of them.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod alarms;
mod backup;
mod bar;
mod bench;
mod docs;
mod envelope;
mod import;
mod key;
mod sign;
