//! What is shipped: how large it is, and the units of systemd.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod bounds;
mod systemd;
