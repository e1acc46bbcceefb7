//! The command against a real daemon: its verbs, and what the documents say of them.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod alarms;
mod backup;
mod docs;
mod envelope;
mod key;
mod sign;
