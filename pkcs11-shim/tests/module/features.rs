//! FEATURES.md is what the tables say: functions, mechanisms, attributes.
//!
//! `cargo test -p coffer-pkcs11 --test module -- --ignored features` writes it anew.

use std::fmt::Write;
use std::path::PathBuf;

use coffer_pkcs11::ffi::exports as c;
use coffer_protocol::attribute::{self, Set, Type};
use coffer_protocol::mechanism::{self, Function, KeySize, Parts};
use coffer_protocol::weak::WeakKeys;

const BEGINNING: &str = "# What the PKCS#11 module offers

Made of the tables of the code; a test compares. Functions are those of PKCS#11 3.2, of which the lists of 2.40 and 3.0
are parts. SHA-512/t (FIPS 180-4) takes every t of whole bytes from 8 bits on; `CKM_SHA512_T_HMAC_GENERAL` is left out, because
its parameter has room for t or for a length, and the standard does not say of which.
";

fn functions() -> String {
    let mut text = String::from("\n## Functions\n\n| Function | State |\n|---|---|\n");
    for row in c::BEFORE_INITIALIZE.iter().chain(c::READY.iter().copied().flatten()) {
        let state = match row.body {
            "unsupported" => "answers `CKR_FUNCTION_NOT_SUPPORTED`",
            "not_parallel" => "answers `CKR_FUNCTION_NOT_PARALLEL`, as the standard asks",
            _ => "offered",
        };
        writeln!(text, "| `{}` | {state} |", row.name).expect("text can be written");
    }
    text
}

fn mechanisms() -> String {
    let mut text = String::from(
        "\n## Mechanisms\n\n| Number | Mechanism | Functions | Key size | In parts |\n|---|---|---|---|---|\n",
    );
    for row in mechanism::ALL {
        let functions =
            Function::ALL.into_iter().filter(|function| row.functions.contains(*function));
        let functions: Vec<_> = functions.map(|function| format!("{function:?}")).collect();
        let (low, high) = WeakKeys::default().range(row);
        let size = match row.key_size {
            KeySize::None => "–".to_owned(),
            KeySize::Bits(..) => format!("{low} to {high} bits"),
            KeySize::Bytes(..) => format!("{low} to {high} bytes"),
        };
        let parts = if row.parts == Parts::Multi { "yes" } else { "no" };
        let functions = functions.join(", ");
        writeln!(text, "| 0x{:04x} | `{}` | {functions} | {size} | {parts} |", row.ckm, row.name)
            .expect("text can be written");
    }
    text
}

fn attributes() -> String {
    let mut text = String::from(
        "\n## Attributes\n\n| Number | Attribute | Value | Set by applications | Secret |\n|---|---|---|---|---|\n",
    );
    for row in attribute::ALL {
        let value = match row.value {
            Type::Boolean => "boolean",
            Type::Number => "number",
            Type::Bytes => "bytes",
            Type::Date => "date",
            Type::Mechanisms => "mechanisms",
            Type::Template => "template",
        };
        let set = match row.set {
            Set::AtCreation => "when it is made",
            Set::AtCopy => "when it is made or copied",
            Set::Always => "always",
            Set::ToTrue => "always, to true",
            Set::ToFalse => "always, to false",
            Set::Never => "never",
            Set::BySecurityOfficer => "by the security officer",
        };
        let secret = if row.secret { "in keys" } else { "no" };
        writeln!(text, "| 0x{:04x} | `{}` | {value} | {set} | {secret} |", row.kind, row.name)
            .expect("text can be written");
    }
    text
}

fn generate() -> String {
    [BEGINNING, &functions(), &mechanisms(), &attributes()].concat()
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../FEATURES.md")
}

#[test]
fn features_are_those_of_the_tables() {
    let written = std::fs::read_to_string(path()).expect("FEATURES.md is there");
    assert!(
        written == generate(),
        "write it anew: cargo test -p coffer-pkcs11 --test module -- --ignored features"
    );
}

#[test]
#[ignore = "writes FEATURES.md"]
fn write_features() {
    std::fs::write(path(), generate()).expect("FEATURES.md can be written");
}
