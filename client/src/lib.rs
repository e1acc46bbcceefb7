//! Coffer's client library: what speaks to the daemon, for applications, the PKCS#11 module and the command.
//!
//! Blocking, without threads or a runtime; its one global state is a spare buffer. It never sees key material other than the plaintext
//! of data keys that a caller asked for.
#![forbid(unsafe_code)]

pub mod admin;
pub mod application;
#[cfg(feature = "async")]
mod asynchronous;
mod bulk;
mod channel;
pub mod connection;
mod context;
#[cfg(feature = "envelope")]
pub mod envelope;
mod error;
mod event;
mod exchange;
mod handshake;
mod key_name;
pub mod kms;
mod pool;
mod retry;
pub mod socket;

pub use application::Application;
pub use bulk::give_back;
pub use connection::{CallOptions, ConnectOptions, Connection, Event, Reply, Role, Wait};
pub use context::Context;
pub use error::Error;
pub use key_name::KeyName;
pub use retry::Retries;
