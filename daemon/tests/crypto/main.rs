//! The cryptography by itself: vectors, keys, parts of every size.

#![allow(clippy::unwrap_used, reason = "what is unexpected fails the test")]

mod ecdsa;
mod keys;
mod modes;
mod rsa;
mod rsa_matrix;
mod streams;
mod symmetric;
mod vectors;
mod wycheproof;
