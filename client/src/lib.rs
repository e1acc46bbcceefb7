//! Coffer's client library: what speaks to the daemon, for applications, the PKCS#11 module and the command.
//!
//! Blocking, without threads, a runtime or global state. It never sees key material other than the plaintext
//! of data keys that a caller asked for.
#![forbid(unsafe_code)]

pub mod application;
mod channel;
pub mod connection;
mod error;
mod event;
mod handshake;
mod pool;
pub mod socket;

pub use application::Application;
pub use connection::{CallOptions, ConnectOptions, Connection, Event, Reply, Role, Wait};
pub use error::Error;
