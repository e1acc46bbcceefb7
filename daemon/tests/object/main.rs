//! PKCS#11 objects through the gate, with a store of their own.

#![allow(clippy::unwrap_used)] // all of it is tests

mod attributes;
mod certificate;
mod changes;
mod cmk;
mod copy;
mod create;
mod derive;
mod derive_classic;
mod derive_kdf;
mod derive_tls;
mod find;
mod generate;
mod imposed;
#[path = "../known/mod.rs"]
mod known;
mod read;
mod set;
mod statement;
mod subject;
mod support;
mod weak;
mod wrap;
mod wrap_refused;
