//! PKCS#11 as applications use it: sessions, logins, processes, restarts, and every function called wrongly.
//!
//! Each test has a process of its own (`coffer_tests::isolated`), as the module has one state per process.

#![expect(clippy::unwrap_used, reason = "a failing step fails the test")]

mod access;
mod cancel;
mod clients;
mod cryptoki;
mod exit;
mod fork;
mod frames;
mod functions;
mod once;
mod oracle;
mod planned;
mod profiles;
mod restart;
mod sharing;
mod state;
mod threads;
mod tool;
