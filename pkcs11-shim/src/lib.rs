//! The PKCS#11 module: a thin shim between an application and the daemon.
//!
//! It holds no keys, starts no threads, writes nothing (with `COFFER_LOG=debug`: the names of calls and their
//! results, to standard error) and leaves nothing behind at exit. Unsafe code is in [`ffi`] alone.

mod attribute;
mod config;
mod connection;
mod digest;
mod encryption;
pub mod error;
pub mod ffi;
mod key;
mod login;
mod module;
mod object;
mod operation;
pub mod output;
mod session;
mod signature;
mod slot;
mod wrap;
