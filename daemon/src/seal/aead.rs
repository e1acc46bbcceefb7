//! The one sealed form of everything on disk: AES-256-GCM (SP 800-38D) under a key derived with
//! HKDF-SHA-256 (RFC 5869) from a base key, a label and a fresh salt, so that no key ever seals
//! two values. Layout: salt, nonce, ciphertext, tag. Pure functions, called inside `vault::run`.

use crate::vault::Release;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::ops::Range;
use zeroize::Zeroizing;

const SALT: usize = 16;
const NONCE: usize = 12;
const TAG: usize = 16;

/// Bytes before the ciphertext.
pub(crate) const FRONT: usize = SALT + NONCE;
/// Bytes that sealing adds.
pub(crate) const OVERHEAD: usize = FRONT + TAG;

/// Why a value cannot be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Error {
    /// Too short, changed, or sealed under another key or other associated data.
    DoesNotOpen,
    /// The kernel gave no random numbers.
    Random,
}

impl Release for Error {}

/// Seals the middle of `buffer`, which has [`FRONT`] spare bytes before and 16 after the value.
pub(crate) fn seal(
    base: &[u8; 32],
    label: &str,
    associated: &[u8],
    buffer: &mut [u8],
) -> Result<(), Error> {
    let (front, rest) = buffer.split_at_mut_checked(FRONT).ok_or(Error::DoesNotOpen)?;
    let length = rest.len().checked_sub(TAG).ok_or(Error::DoesNotOpen)?;
    let (body, tag) = rest.split_at_mut(length);
    getrandom::fill(front).map_err(|_| Error::Random)?;
    let (salt, nonce) = front.split_at(SALT);
    let made = cipher(base, label, salt)
        .encrypt_inout_detached(&nonce_of(nonce)?, associated, body.into())
        .map_err(|_| Error::DoesNotOpen)?;
    tag.copy_from_slice(&made);
    Ok(())
}

/// Opens a buffer that [`seal`] filled, in place, and says where the value stands.
pub(crate) fn open(
    base: &[u8; 32],
    label: &str,
    associated: &[u8],
    buffer: &mut [u8],
) -> Result<Range<usize>, Error> {
    let (front, rest) = buffer.split_at_mut_checked(FRONT).ok_or(Error::DoesNotOpen)?;
    let length = rest.len().checked_sub(TAG).ok_or(Error::DoesNotOpen)?;
    let (body, tag) = rest.split_at_mut(length);
    let (salt, nonce) = front.split_at(SALT);
    let tag = Tag::try_from(&*tag).map_err(|_| Error::DoesNotOpen)?;
    cipher(base, label, salt)
        .decrypt_inout_detached(&nonce_of(nonce)?, associated, body.into(), &tag)
        .map_err(|_| Error::DoesNotOpen)?;
    Ok(FRONT..FRONT + length)
}

/// Derives a key: HKDF-Expand (RFC 5869 section 2.3) of `base` with the label and a context.
pub(crate) fn derive(base: &[u8; 32], label: &str, context: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::from_prk(base)
        .expect("32 bytes are a pseudorandom key of SHA-256")
        .expand_multi_info(&[label.as_bytes(), &[0], context], key.as_mut_slice())
        .expect("32 bytes are within the limit of HKDF");
    key
}

/// Derives a key from a secret of any length: HKDF extract and expand.
pub(crate) fn derive_from(secret: &[u8], label: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, secret)
        .expand(label.as_bytes(), key.as_mut_slice())
        .expect("32 bytes are within the limit of HKDF");
    key
}

/// HMAC-SHA-256 (FIPS 198-1) over the parts one after the other.
pub(crate) fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn cipher(base: &[u8; 32], label: &str, salt: &[u8]) -> Aes256Gcm {
    Aes256Gcm::new((&*derive(base, label, salt)).into())
}

fn nonce_of(bytes: &[u8]) -> Result<Nonce<aes_gcm::aead::consts::U12>, Error> {
    Nonce::try_from(bytes).map_err(|_| Error::DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(value: &[u8], associated: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; value.len() + OVERHEAD];
        buffer[FRONT..FRONT + value.len()].copy_from_slice(value);
        seal(&[7; 32], "test", associated, &mut buffer).unwrap();
        buffer
    }

    #[test]
    fn a_sealed_value_opens_to_itself() {
        let mut buffer = sealed(b"value", b"where");
        assert!(!buffer.windows(5).any(|w| w == b"value"));
        let range = open(&[7; 32], "test", b"where", &mut buffer).unwrap();
        assert_eq!(&buffer[range], b"value");
    }

    #[test]
    fn no_changed_bit_opens() {
        let good = sealed(b"value", b"where");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&[7; 32], "test", b"where", &mut bad), Err(Error::DoesNotOpen));
        }
    }

    #[test]
    fn key_label_place_and_length_must_all_fit() {
        let good = sealed(b"value", b"where");
        let opens = |key: u8, label, place: &[u8], length: usize| {
            open(&[key; 32], label, place, &mut good.clone()[..length]).is_ok()
        };
        assert!(opens(7, "test", b"where", good.len()));
        assert!(!opens(8, "test", b"where", good.len()));
        assert!(!opens(7, "tesu", b"where", good.len()));
        assert!(!opens(7, "test", b"there", good.len()));
        for length in 0..good.len() {
            assert!(!opens(7, "test", b"where", length));
        }
    }

    #[test]
    fn derivation_is_hkdf_expand() {
        // RFC 5869 section 2.3 by hand: T(1) = HMAC(PRK, info | 0x01).
        let expected = mac(&[1; 32], &[b"label", &[0], b"context", &[1]]);
        assert_eq!(*derive(&[1; 32], "label", b"context"), expected);
    }
}
