//! The PKCS#11 module: a thin shim between an application and the daemon.
//!
//! It holds no keys, starts no threads, writes nothing (with `COFFER_LOG=debug`: the names of calls and their
//! results, to standard error) and leaves nothing behind at exit. Unsafe code is in [`ffi`] alone.

mod attribute;
mod cancel;
mod config;
mod connection;
mod digest;
mod dual;
mod encapsulate;
mod encryption;
pub mod error;
pub mod ffi;
mod key;
mod key_use;
mod login;
mod message;
mod message_signature;
mod module;
mod nonce;
mod object;
mod opening;
mod operation;
pub mod output;
mod recover;
mod session;
mod sha512_t;
mod signature;
mod slot;
mod slot_event;
mod state;
mod stream;
mod wrap;
