//! Coffer's client library: what speaks to the daemon, for applications, the PKCS#11 module and the command.
//!
//! | module | for |
//! |---|---|
//! | [`kms`] | the KMS API: a typed call for every action |
//! | `envelope` | files of any size, encrypted here under data keys (feature `envelope`) |
//! | [`admin`] | administration on the admin socket |
//! | [`application`], [`connection`] | requests as they are on the wire, for the module and for tools |
//!
//! It blocks, without threads or a runtime; its one global state is a spare buffer. With the feature `async` there is
//! `kms::AsyncKms` for programs that have a tokio runtime: the same calls, made from the same tables. It never sees key
//! material other than the data keys and shared secrets that a caller asked for, which come in memory that is wiped.
//!
//! # Errors and attempts
//!
//! A refusal of the daemon is [`Error::Refused`] and leaves the connection as it was; every other error ends it.
//! [`kms::Kms`] connects anew at the next call, and makes a call again by itself, a few times within a moment
//! ([`Retries`]), in these cases only:
//!
//! | what happened | made again |
//! |---|---|
//! | no connection, or the request did not go out whole | always |
//! | refused because the daemon is busy, starts or is sealed | always: what is refused was not carried out |
//! | the reply was lost | what only tells something, and CreateKey with a ClientToken |
//!
//! So a key is never made, changed or used twice by one call.
#![forbid(unsafe_code)]

pub mod admin;
pub mod application;
#[cfg(feature = "async")]
mod asynchronous;
mod bulk;
mod channel;
pub mod connection;
mod context;
mod descriptor;
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
pub use connection::{Attempt, CallOptions, ConnectOptions, Connection, Event, Reply, Role, Wait};
pub use context::Context;
pub use error::Error;
pub use key_name::KeyName;
pub use retry::Retries;
