//! What the daemon and its clients agree on: operations, mechanisms, attributes, errors, frames.
//!
//! Data only. This crate opens no sockets, spawns no threads and holds no keys.
#![forbid(unsafe_code)]

pub mod alarm;
pub mod attribute;
pub mod bulk;
pub mod error;
pub mod event;
pub mod frame;
pub mod handshake;
pub mod key;
pub mod key_type;
pub mod mechanism;
pub mod message;
pub mod operation;
pub mod patience;
pub mod weak;

pub use error::ErrorCode;
pub use operation::Operation;
