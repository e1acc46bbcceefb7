//! The sockets without the client library: peers that keep to no rule.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod hostile;
mod memory;
