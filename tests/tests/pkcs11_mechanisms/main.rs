//! The mechanisms of PKCS#11, against vectors, `openssl` and other implementations.
//!
//! Each test has a process of its own (`coffer_tests::isolated`), as the module has one state per process.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod answers;
mod curves;
mod ecdh;
mod mechanisms;
mod rsa;
mod rsa_sizes;
mod symmetric;
mod wrap;
