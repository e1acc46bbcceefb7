//! The ciphertext of the KMS: it names its format, algorithm, key and version.
//!
//! magic 4 ‖ format 1 ‖ algorithm 1 ‖ key id 16 ‖ version 4 (big-endian) ‖ salt 16 ‖ nonce 12 ‖ ciphertext ‖ tag 16.
//! Every message has a key of its own, derived with HKDF (RFC 5869) from the version's KMS key with the salt;
//! everything in front of the ciphertext is authenticated, and so is the encryption context.

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeySpec, KeyUsage};
use coffer_protocol::mechanism::{ENVELOPE_OVERHEAD, Hash};
use zeroize::Zeroizing;

use crate::Error;
use crate::crypto::aead::{Aead, NONCE, TAG};
use crate::crypto::{self, kdf, random};
use crate::object::ObjectId;

const MAGIC: [u8; 4] = *b"CFR\x01";
const FORMAT: u8 = 1;
const SALT: usize = 16;
const NAMED: usize = 4 + 1 + 1 + 16 + 4;
/// Bytes in front of the ciphertext.
const FRONT: usize = NAMED + SALT + NONCE;
/// Bytes that a blob is longer than its plaintext.
pub(super) const OVERHEAD: usize = FRONT + TAG;
const _: () = assert!(OVERHEAD == ENVELOPE_OVERHEAD, "as the mechanism table says");

/// What a blob says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// The cipher.
    pub(super) spec: KeySpec,
    /// The key.
    pub(super) key: ObjectId,
    /// Its version.
    pub(super) version: u32,
}

/// Reads what a blob says of itself; nothing of it is authenticated yet.
///
/// # Errors
///
/// [`ErrorCode::InvalidCiphertext`].
pub(super) fn named(blob: &[u8]) -> Result<Named, Error> {
    let read = || {
        if blob.len() <= OVERHEAD || blob[..4] != MAGIC || blob[4] != FORMAT {
            return None;
        }
        Some(Named {
            spec: KeySpec::from_number(blob[5]).filter(|spec| is_cipher(*spec))?,
            key: ObjectId(blob[6..22].try_into().ok()?),
            version: u32::from_be_bytes(blob[22..26].try_into().ok()?),
        })
    };
    read().ok_or(ErrorCode::InvalidCiphertext.into())
}

/// Whether blobs are made with such keys.
fn is_cipher(spec: KeySpec) -> bool {
    KeyUsage::EncryptDecrypt.specs().contains(&spec)
}

/// Encrypts. Called inside the vault.
pub(super) fn seal(
    named: Named,
    kms_key: &[u8],
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, crypto::Error> {
    let mut blob = Vec::with_capacity(plaintext.len() + OVERHEAD);
    blob.extend_from_slice(&MAGIC);
    blob.push(FORMAT);
    blob.push(named.spec as u8);
    blob.extend_from_slice(&named.key.0);
    blob.extend_from_slice(&named.version.to_be_bytes());
    blob.extend_from_slice(&random::array::<SALT>()?);
    let nonce = random::array::<NONCE>()?;
    blob.extend_from_slice(&nonce);
    let (aead, key) = message_key(named.spec, kms_key, &blob[NAMED..NAMED + SALT])?;
    let authenticated = [&blob[..], context].concat();
    blob.extend_from_slice(plaintext);
    let tag = aead.seal(&key, &nonce, &authenticated, &mut blob[FRONT..])?;
    blob.extend_from_slice(&tag);
    Ok(blob)
}

/// Decrypts. Called inside the vault.
pub(super) fn open(
    named: Named,
    kms_key: &[u8],
    context: &[u8],
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, crypto::Error> {
    let wrong = crypto::Error::EncryptedDataInvalid;
    let (front, sealed) = blob.split_at_checked(FRONT).ok_or(wrong)?;
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG>().ok_or(wrong)?;
    let nonce: &[u8; NONCE] = front[NAMED + SALT..].try_into().map_err(|_| wrong)?;
    let (aead, key) = message_key(named.spec, kms_key, &front[NAMED..NAMED + SALT])?;
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    aead.open(&key, nonce, &[front, context].concat(), &mut plaintext, tag)?;
    Ok(plaintext)
}

fn message_key(
    spec: KeySpec,
    kms_key: &[u8],
    salt: &[u8],
) -> Result<(Aead, Zeroizing<Vec<u8>>), crypto::Error> {
    let (aead, hash) = match spec {
        KeySpec::Aes256 => (Aead::Aes256Gcm, Hash::Sha256),
        KeySpec::Sm4 => (Aead::Sm4Gcm, Hash::Sm3),
        KeySpec::Rsa2048
        | KeySpec::Rsa3072
        | KeySpec::Rsa4096
        | KeySpec::EcP256
        | KeySpec::EcP384
        | KeySpec::Sm2
        | KeySpec::Hmac256
        | KeySpec::Hmac384
        | KeySpec::Hmac512
        | KeySpec::HmacSm3 => return Err(crypto::Error::Mechanism),
    };
    let mut key = Zeroizing::new(vec![0; aead.key_len()]);
    kdf::hkdf(hash, kms_key, salt, b"coffer kms message 1", &mut key)?;
    Ok((aead, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(spec: KeySpec) -> Named {
        Named { spec, key: ObjectId([7; 16]), version: 3 }
    }

    #[test]
    fn a_blob_opens_with_its_key_and_context_only() {
        for spec in [KeySpec::Aes256, KeySpec::Sm4] {
            let blob = seal(name(spec), &[1; 32], b"ctx", b"attack at dawn").unwrap();
            assert_eq!(blob.len(), 14 + OVERHEAD);
            assert_eq!(named(&blob).unwrap(), name(spec));
            assert_eq!(*open(name(spec), &[1; 32], b"ctx", &blob).unwrap(), b"attack at dawn");
            assert!(open(name(spec), &[2; 32], b"ctx", &blob).is_err());
            assert!(open(name(spec), &[1; 32], b"", &blob).is_err());
        }
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let blob = seal(name(KeySpec::Aes256), &[1; 32], b"", b"x").unwrap();
        for bit in 0..blob.len() * 8 {
            let mut changed = blob.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let opened = named(&changed).ok().and_then(|n| open(n, &[1; 32], b"", &changed).ok());
            assert!(opened.is_none(), "bit {bit}");
        }
        for length in 0..blob.len() {
            assert!(
                named(&blob[..length]).is_err()
                    || open(name(KeySpec::Aes256), &[1; 32], b"", &blob[..length]).is_err()
            );
        }
    }

    #[test]
    fn two_blobs_of_one_plaintext_differ() {
        let seal = || seal(name(KeySpec::Aes256), &[1; 32], b"", b"x").unwrap();
        assert_ne!(seal(), seal());
    }
}
