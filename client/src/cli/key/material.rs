//! Key material in a file or a pipe: the bytes of a secret key, or PKCS #8 (RFC 5958).

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::{Context, bail};
use coffer_protocol::key::KeySpec;
use pkcs8::{PrivateKeyInfoRef, SecretDocument};
use zeroize::Zeroizing;

use super::super::input;

/// Longer than the PEM of any key.
const LONGEST: usize = 16 << 10;

/// Reads the material of a key; what it cannot be is refused before anything is sent.
pub(super) fn read(path: Option<&Path>, spec: KeySpec) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let (bytes, from) = match path {
        Some(path) => {
            let from = path.display().to_string();
            let file = File::open(path).with_context(|| format!("cannot read {from}"))?;
            (input::read_up_to(file, LONGEST + 1), from)
        }
        None if io::stdin().is_terminal() => {
            bail!("name the file with the material, or send it through a pipe")
        }
        None => (
            input::standard().and_then(|input| input::read_up_to(input, LONGEST + 1)),
            "standard input".to_owned(),
        ),
    };
    let bytes = bytes.with_context(|| format!("cannot read {from}"))?;
    if bytes.len() > LONGEST {
        bail!("{from} is longer than any key");
    }
    let material = match spec.secret_length() {
        Some(length) => secret(bytes, length, spec),
        None => private_key(bytes),
    };
    material.with_context(|| format!("{from} has no material for a key of {}", spec.name()))
}

fn secret(
    bytes: Zeroizing<Vec<u8>>,
    length: usize,
    spec: KeySpec,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if bytes.len() == length {
        return Ok(bytes);
    }
    let text = bytes.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let hint = match (text && !bytes.is_empty(), bytes.starts_with(b"-----BEGIN")) {
        (_, true) => "; PEM is for pairs",
        (true, false) => "; if this is hexadecimal or base64, decode it first",
        (false, false) => "",
    };
    bail!("it has {} bytes, {} has {length}{hint}", bytes.len(), spec.name())
}

/// The DER of a private key that comes as DER or PEM.
fn private_key(bytes: Zeroizing<Vec<u8>>) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let der = if bytes.starts_with(b"-----BEGIN") { from_pem(&bytes)? } else { bytes };
    if PrivateKeyInfoRef::try_from(der.as_slice()).is_ok() {
        return Ok(der);
    }
    bail!(
        "it is no PKCS #8 private key without a password; \
         `openssl pkcs8 -topk8 -nocrypt -in KEY` makes one, or `openssl pkey -in KEY`"
    )
}

fn from_pem(bytes: &[u8]) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let text = std::str::from_utf8(bytes).context("it is no PEM")?;
    let (label, document) = SecretDocument::from_pem(text).ok().context(
        "it is no PEM with one key in it; `openssl pkey -in KEY` prints a key and nothing else",
    )?;
    match label {
        "PRIVATE KEY" => Ok(Zeroizing::new(document.as_bytes().to_vec())),
        "ENCRYPTED PRIVATE KEY" => bail!(
            "it is encrypted with a password; `openssl pkey -in KEY` decrypts it, best through a pipe: \
             openssl pkey -in KEY | coffer key import NAME"
        ),
        label => {
            bail!("it is a {label}; `openssl pkcs8 -topk8 -nocrypt -in KEY` makes PKCS #8 of it")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_bytes(bytes: &[u8], spec: KeySpec) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, bytes).unwrap();
        let read = read(Some(&path), spec).map(|material| material.to_vec());
        read.map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn secret_keys_have_their_length() {
        for &spec in KeySpec::ALL {
            let Some(length) = spec.secret_length() else { continue };
            assert_eq!(read_bytes(&vec![7; length], spec).unwrap(), vec![7; length]);
            for wrong in [0, length - 1, length + 1] {
                let error = read_bytes(&vec![7; wrong], spec).unwrap_err();
                assert!(error.contains(&format!("has {wrong} bytes")), "{error}");
            }
        }
        let hex = read_bytes("00".repeat(32).as_bytes(), KeySpec::Aes256).unwrap_err();
        assert!(hex.contains("decode it first"), "{hex}");
        assert!(read_bytes(&vec![0; LONGEST + 1], KeySpec::Aes256).unwrap_err().contains("longer"));
    }

    #[test]
    fn what_is_no_private_key_is_explained() {
        let pem = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        for (bytes, words) in [
            (String::new(), "no PKCS #8"),
            ("nonsense".to_owned(), "no PKCS #8"),
            ("-----BEGIN nonsense".to_owned(), "no PEM"),
            (pem("PRIVATE KEY"), "no PKCS #8"),
            (pem("RSA PRIVATE KEY"), "RSA PRIVATE KEY"),
            (pem("ENCRYPTED PRIVATE KEY"), "password"),
        ] {
            let error = read_bytes(bytes.as_bytes(), KeySpec::Rsa2048).unwrap_err();
            assert!(error.contains(words), "{bytes}: {error}");
        }
    }
}
