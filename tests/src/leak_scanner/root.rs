//! The patterns of the root key of a daemon with a key file: of all on its way from the file, and of what
//! is derived from it. The formats are those of `daemon/src/seal`.

use std::path::Path;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use serde_json::Value;

use super::Named;
use super::mac::{Hash, hmac, hmac_sha256};
use super::{aes, mac};

/// What keys are derived for.
const LABELS: [&str; 8] = [
    "coffer/1/store",
    "coffer/1/store-head",
    "coffer/1/epoch",
    "coffer/1/seal-file",
    "coffer/1/audit-tag",
    "coffer/1/audit-checkpoint",
    "coffer/1/pin-pepper",
    "coffer/1/token",
];
/// Bytes of salt and of nonce in front of a sealed value.
const SALT: usize = 16;
const NONCE: usize = 12;
/// Epoch keys of which the forms are searched for; all are alike.
const EPOCH_KEYS: usize = 256;

/// The forms of the key in the file, of the key that wraps, of the root key, of all keys derived from it, and
/// the epoch keys.
///
/// # Panics
/// Where the folder is not that of a daemon with the key file `root.key`.
pub fn patterns(directory: &Path) -> Named {
    let secret = std::fs::read(directory.join("root.key")).expect("the key file");
    assert_eq!(secret.len(), 32, "a key file that coffer dev made has 32 random bytes");
    let slot_key = hkdf(&hmac_sha256(&[0; 32], &[&secret]), b"coffer/1/slot");
    let (root, wrapping) = open_slot(directory, &slot_key);
    let mut patterns = vec![("seal secret".to_owned(), secret)];
    patterns.extend(hmac(Hash::Sha256, "slot key", &slot_key));
    patterns.extend(named("slot-wrapping", aes::patterns(&wrapping)));
    patterns.extend(hmac(Hash::Sha256, "root key", &root));
    for label in LABELS {
        let derived = derive(&root, label, b"");
        patterns.extend(hmac(Hash::Sha256, &format!("key for {label}"), &derived));
    }
    patterns.extend(epoch_keys(directory, &derive(&root, "coffer/1/epoch", b"")));
    patterns
}

fn named(what: &str, patterns: Named) -> Named {
    patterns.into_iter().map(|(name, bytes)| (format!("{what} {name}"), bytes)).collect()
}

/// The root key, and the key that wraps it.
fn open_slot(directory: &Path, slot_key: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let text = std::fs::read(directory.join("seal")).expect("the seal file");
    let file: Value = serde_json::from_slice(&text).expect("JSON");
    let slot = &file["slots"][0];
    let associated = format!(
        "[{},{},{},{},{},{}]",
        file["format"],
        file["version"],
        file["id"],
        slot["number"],
        slot["kind"],
        slot["parameters"]
    );
    let wrapped = hex::decode(slot["wrapped"].as_str().expect("hex digits")).expect("hex digits");
    let key = derive(slot_key, "coffer/1/slot-wrap", &wrapped[..SALT]);
    let root = open(&key, &wrapped, associated.as_bytes()).expect("the slot opens");
    (root.try_into().expect("a root key has 32 bytes"), key)
}

/// The epoch keys; their file is sealed with its number and the store's id, so it is read without its tag.
fn epoch_keys(directory: &Path, epoch: &[u8; 32]) -> Named {
    let sealed = std::fs::read_dir(directory)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| path.file_stem().is_some_and(|name| name == "epoch"))
        .map(|path| std::fs::read(path).expect("the epoch file"))
        .expect("an epoch file");
    let sealed = &sealed[sealed.len() - (SALT + NONCE + 32 * EPOCH_KEYS + 16)..];
    let key = derive(epoch, "coffer/1/epoch-file", &sealed[..SALT]);
    let mut keys = sealed[SALT + NONCE..sealed.len() - 16].to_vec();
    // GCM encrypts as it decrypts.
    let nonce = Nonce::try_from(&sealed[SALT..SALT + NONCE]).expect("a nonce");
    let cipher = Aes256Gcm::new((&key).into());
    cipher.encrypt_inout_detached(&nonce, b"", keys.as_mut_slice().into()).expect("short data");
    let mut patterns = named("epoch file's", vec![("key".to_owned(), key.to_vec())]);
    patterns.extend(
        keys.chunks_exact(32)
            .enumerate()
            .map(|(number, key)| (format!("epoch key {number}"), key.to_vec())),
    );
    patterns
}

/// HKDF-Expand with a label and a context.
fn derive(base: &[u8; 32], label: &str, context: &[u8]) -> [u8; 32] {
    hkdf(base, &[label.as_bytes(), &[0], context].concat())
}

fn hkdf(key: &[u8; 32], info: &[u8]) -> [u8; 32] {
    mac::hmac_sha256(key, &[info, &[1]])
}

fn open(key: &[u8; 32], sealed: &[u8], associated: &[u8]) -> Option<Vec<u8>> {
    let (front, rest) = sealed.split_at(SALT + NONCE);
    let (body, tag) = rest.split_at(rest.len() - 16);
    let mut body = body.to_vec();
    let nonce = Nonce::try_from(&front[SALT..]).ok()?;
    Aes256Gcm::new(key.into())
        .decrypt_inout_detached(
            &nonce,
            associated,
            body.as_mut_slice().into(),
            &tag.try_into().ok()?,
        )
        .ok()?;
    Some(body)
}
