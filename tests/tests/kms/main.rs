//! The KMS face through `coffer call` and the client library, with daemons of their own.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod alarm;
mod audit;
mod batch;
mod crypt;
mod errors;
mod every;
mod keys;
mod owner;
mod restart;
mod sign;
mod time;
mod typed;
