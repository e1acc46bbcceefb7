//! The `openssl` program as the judge of what the module makes.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs `openssl` with arguments in a folder, and returns what it prints.
///
/// # Panics
///
/// Where it fails.
pub fn openssl(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    let output =
        command.args(arguments).current_dir(folder).output().expect("openssl is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments:?}: {errors}");
    output.stdout
}

/// Writes a public key (RFC 5280 SubjectPublicKeyInfo) as a PEM file.
///
/// # Panics
///
/// Where openssl does not take it.
pub fn public_key(folder: &Path, info: &[u8]) -> PathBuf {
    std::fs::write(folder.join("public.der"), info).expect("the folder is there");
    let arguments = ["-pubin", "-inform", "DER", "-in", "public.der", "-out", "public.pem"];
    openssl(folder, &[&["pkey"], &arguments[..]].concat());
    folder.join("public.pem")
}

/// Verifies a signature with the key in `public.pem`.
///
/// # Panics
///
/// Where it is not of this key and data.
pub fn verify(folder: &Path, hash: &str, options: &[&str], data: &[u8], signature: &[u8]) {
    std::fs::write(folder.join("data"), data).expect("the folder is there");
    std::fs::write(folder.join("signature"), signature).expect("the folder is there");
    let mut arguments = vec!["dgst", hash, "-verify", "public.pem", "-signature", "signature"];
    for option in options {
        arguments.extend(["-sigopt", option]);
    }
    arguments.push("data");
    openssl(folder, &arguments);
}

/// The hash of data in hexadecimal.
///
/// # Panics
///
/// Where openssl fails.
pub fn digest(folder: &Path, hash: &str, data: &[u8]) -> String {
    std::fs::write(folder.join("data"), data).expect("the folder is there");
    let printed = openssl(folder, &["dgst", hash, "-r", "data"]);
    let text = String::from_utf8(printed).expect("it prints text");
    text.split_whitespace().next().expect("the hash is first").to_owned()
}

/// Encrypts with a key that is known.
///
/// # Panics
///
/// Where openssl fails.
pub fn encrypt(folder: &Path, cipher: &str, key: &[u8], iv: &[u8], data: &[u8]) -> Vec<u8> {
    std::fs::write(folder.join("data"), data).expect("the folder is there");
    let (key, iv) = (hex::encode(key), hex::encode(iv));
    openssl(folder, &["enc", cipher, "-K", &key, "-iv", &iv, "-in", "data"])
}

/// An ECDSA signature as X9.62 writes it, from the two halves that PKCS#11 puts together.
pub fn ecdsa_der(halves: &[u8]) -> Vec<u8> {
    let (r, s) = halves.split_at(halves.len() / 2);
    let body = [integer(r), integer(s)].concat();
    element(0x30, &body)
}

fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let mut value = bytes[zeros..].to_vec();
    if value.first().is_none_or(|byte| byte & 0x80 != 0) {
        value.insert(0, 0);
    }
    element(2, &value)
}

/// A DER element of less than 256 bytes.
fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("signatures are short");
    let header: &[u8] = if length < 0x80 { &[tag, length] } else { &[tag, 0x81, length] };
    [header, content].concat()
}
