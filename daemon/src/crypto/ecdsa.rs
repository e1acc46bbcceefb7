//! ECDSA on the curves over prime fields, FIPS 186-5.
//!
//! Signatures are r‖s. Nonces are those of RFC 6979 with fresh random bytes mixed in (section
//! 3.6), so neither a repeated message nor a bad random generator gives the key away.

use coffer_protocol::mechanism::Hash;
use zeroize::Zeroizing;

pub use super::curve::Curve;
use super::curve::Group;
use super::ec_key::{Point, Private};
use super::{Error, fast, hash, random};

/// Bytes of the longest order, that of P-521.
const LONGEST_ORDER: usize = 66;

/// What ECDSA signs: the hash as an integer of the order's length.
///
/// A longer hash keeps as many bits from its left as the order has (FIPS 186-5 section 6.4.1), a shorter one is a
/// small number.
fn hash_to_order(hash: &[u8], curve: Curve) -> Vec<u8> {
    let order_len = curve.order_len();
    let mut integer = vec![0; order_len];
    let taken = &hash[..hash.len().min(order_len)];
    integer[order_len - taken.len()..].copy_from_slice(taken);
    // Less than a byte: the orders have as many bits as the fields.
    let surplus = (8 * taken.len()).saturating_sub(curve.bits());
    let mut before = 0;
    for byte in &mut integer {
        let pair = u16::from_be_bytes([before, *byte]);
        before = *byte;
        [_, *byte] = (pair >> surplus).to_be_bytes();
    }
    integer
}

/// Hashes the input if the scheme says so; otherwise the input is the hash, of any length (PKCS#11 3.1 section
/// 6.3.12), of which no curve takes more than the start.
pub(super) fn prehash(scheme_hash: Option<Hash>, input: &[u8]) -> Result<Vec<u8>, Error> {
    match scheme_hash {
        Some(hash) => Ok(hash::digest(hash, input)),
        None if input.is_empty() => Err(Error::DataLength),
        None => Ok(input[..input.len().min(LONGEST_ORDER)].to_vec()),
    }
}

/// Makes a signature r‖s of the length of the order out of what PKCS#11 clients send: r and s of
/// equal length, possibly without their leading zeros.
fn full_length(signature: &[u8], order_len: usize) -> Result<Vec<u8>, Error> {
    let half = signature.len() / 2;
    if signature.is_empty() || half > order_len || !signature.len().is_multiple_of(2) {
        return Err(Error::SignatureLength);
    }
    let mut full = vec![0; 2 * order_len];
    full[order_len - half..order_len].copy_from_slice(&signature[..half]);
    full[2 * order_len - half..].copy_from_slice(&signature[half..]);
    Ok(full)
}

/// Signs a hash.
pub(super) fn sign(key: &Private, hash: &[u8]) -> Result<Vec<u8>, Error> {
    let Group::Prime(prime) = key.curve().group() else { return Err(Error::Mechanism) };
    let integer = hash_to_order(hash, key.curve());
    if let Some(signed) = key.fast().and_then(|fast| fast.sign(&integer)) {
        return signed;
    }
    let mut fresh = Zeroizing::new(vec![0; integer.len()]);
    random::fill(&mut fresh)?;
    prime.sign(key.secret(), &integer, &fresh).ok_or(Error::Internal)
}

/// Verifies a signature over a hash.
pub(super) fn verify(key: &Point, hash: &[u8], signature: &[u8]) -> Result<(), Error> {
    let full = full_length(signature, key.curve().order_len())?;
    let integer = hash_to_order(hash, key.curve());
    let fast = fast::ecdsa_verify(key.curve(), key.bytes(), &integer, &full);
    fast.unwrap_or_else(|| verify_first(key, hash, &full))
}

/// Verifies with the first implementation.
pub(super) fn verify_first(key: &Point, hash: &[u8], signature: &[u8]) -> Result<(), Error> {
    let Group::Prime(prime) = key.curve().group() else { return Err(Error::Mechanism) };
    let full = full_length(signature, key.curve().order_len())?;
    let integer = hash_to_order(hash, key.curve());
    let verified = prime.verify(key.bytes(), &integer, &full);
    if verified { Ok(()) } else { Err(Error::SignatureInvalid) }
}
