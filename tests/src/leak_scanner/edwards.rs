//! The patterns of Ed25519 and Ed448 (RFC 8032 sections 5.1 and 5.2), X25519 and X448 (RFC 7748 section 5).

use ::rsa::BoxedUint;
use ed448_goldilocks::shake::Shake256;
use ed448_goldilocks::shake::digest::{ExtendableOutput, Update, XofReader};
use sha2::{Digest, Sha512};

use super::Named;
use super::number::{in_radix_52, number, reduce_by, widened};

/// The order of the base point, little-endian upside down.
const ORDER: &str = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";

/// The forms of an Ed25519 seed: what it expands to, clamped and reduced, and the prefix of nonces.
pub fn ed25519(seed: &[u8; 32]) -> Named {
    let expanded = Sha512::digest(seed);
    let (half, prefix) = expanded.split_at(32);
    let scalar = clamped(half);
    let mut patterns = vec![
        ("Ed25519 seed".to_owned(), seed.to_vec()),
        ("Ed25519 unclamped scalar".to_owned(), half.to_vec()),
        ("Ed25519 clamped scalar".to_owned(), scalar.to_vec()),
        ("Ed25519 nonce prefix".to_owned(), prefix.to_vec()),
    ];
    patterns.extend(forms("Ed25519 scalar", &reduced(&scalar)));
    patterns
}

/// What follows the private key from a signature of a message without context: the nonce, and the product
/// of challenge and scalar.
///
/// # Panics
/// Where the signature is shorter than 64 bytes.
pub fn nonce(seed: &[u8; 32], message: &[u8], signature: &[u8]) -> Named {
    let expanded = Sha512::digest(seed);
    let hash = Sha512::new().chain_update(&expanded[32..]).chain_update(message).finalize();
    let nonce = reduced(&hash);
    let s = widened(&reduced(&signature[32..64]), 320);
    let difference = s.wrapping_add(widened(&order(), 320)).wrapping_sub(widened(&nonce, 320));
    let mut patterns = vec![("Ed25519 hash of the nonce".to_owned(), hash.to_vec())];
    patterns.extend(forms("Ed25519 nonce", &nonce));
    let product = reduce_by(&order(), &difference);
    patterns.extend(forms("Ed25519 product of challenge and scalar", &product));
    patterns
}

/// The forms of an X25519 secret: as given, and clamped.
pub fn x25519(secret: &[u8; 32]) -> Named {
    vec![
        ("X25519 secret".to_owned(), secret.to_vec()),
        ("X25519 clamped secret".to_owned(), clamped(secret).to_vec()),
    ]
}

/// The order of the base point of edwards448, little-endian upside down.
const ORDER_448: &str = "3fffffffffffffffffffffffffffffffffffffffffffffffffffffff7cca23e9c44edb49aed63690216cc2728dc58f552378c292ab5844f3";

/// The forms of an Ed448 seed: what it expands to, clamped and reduced, and the prefix of nonces.
///
/// # Panics
/// Where it has not 57 bytes.
pub fn ed448(seed: &[u8]) -> Named {
    let expanded = shake(&[seed]);
    let (half, prefix) = expanded.split_at(57);
    let scalar = clamped_448(&half[..56]);
    let mut patterns = vec![
        ("Ed448 seed".to_owned(), seed.to_vec()),
        ("Ed448 unclamped scalar".to_owned(), half.to_vec()),
        ("Ed448 clamped scalar".to_owned(), scalar.clone()),
        ("Ed448 nonce prefix".to_owned(), prefix.to_vec()),
    ];
    patterns.extend(forms_448("Ed448 scalar", &reduced_448(&scalar)));
    patterns
}

/// What follows the private key from a signature of a message without context: the nonce, and the product of
/// challenge and scalar.
///
/// # Panics
/// Where the seed or the signature is shorter than its kind.
pub fn nonce_448(seed: &[u8], message: &[u8], signature: &[u8]) -> Named {
    let expanded = shake(&[seed]);
    let hash = shake(&[b"SigEd448", &[0, 0], &expanded[57..], message]);
    let nonce = reduced_448(&hash);
    let s = widened(&reduced_448(&signature[57..114]), 512);
    let order = order_448();
    let difference = s.wrapping_add(widened(&order, 512)).wrapping_sub(widened(&nonce, 512));
    let mut patterns = vec![("Ed448 hash of the nonce".to_owned(), hash)];
    patterns.extend(forms_448("Ed448 nonce", &nonce));
    let product = reduce_by(&order, &difference);
    patterns.extend(forms_448("Ed448 product of challenge and scalar", &product));
    patterns
}

/// The forms of an X448 secret: as given, and clamped.
pub fn x448(secret: &[u8]) -> Named {
    vec![
        ("X448 secret".to_owned(), secret.to_vec()),
        ("X448 clamped secret".to_owned(), clamped_448(secret)),
    ]
}

/// 56 bytes, clamped as both standards say.
///
/// # Panics
/// Where there are fewer.
pub fn clamped_448(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes[..56].to_vec();
    bytes[0] &= 0xfc;
    bytes[55] |= 0x80;
    bytes
}

/// SHAKE256 with 114 bytes of output.
fn shake(parts: &[&[u8]]) -> Vec<u8> {
    let mut hasher = Shake256::default();
    for part in parts {
        hasher.update(part);
    }
    let mut output = vec![0; 114];
    hasher.finalize_xof().read(&mut output);
    output
}

fn order_448() -> BoxedUint {
    number(&hex::decode(ORDER_448).expect("hex digits"))
}

fn reduced_448(little_endian: &[u8]) -> BoxedUint {
    let bytes: Vec<u8> = little_endian.iter().rev().copied().collect();
    reduce_by(&order_448(), &number(&bytes))
}

/// A scalar as it is, which ed448-goldilocks keeps in whole limbs, and divided by 4, which it multiplies by.
fn forms_448(name: &str, value: &BoxedUint) -> Named {
    let order = order_448();
    let quarter = number(&[4]).invert_odd_mod(&order.clone().to_odd().expect("a prime is odd"));
    let quarter = widened(&quarter.expect("the order is a prime"), order.bits_precision());
    let divided = reduce_by(&order, &super::number::product(value, &quarter));
    let bytes = |value: &BoxedUint| value.to_be_bytes()[value.to_be_bytes().len() - 56..].to_vec();
    vec![(name.to_owned(), bytes(value)), (format!("{name} divided by 4"), bytes(&divided))]
}

fn clamped(bytes: &[u8]) -> [u8; 32] {
    let mut bytes: [u8; 32] = bytes.try_into().expect("32 bytes");
    bytes[0] &= 0xf8;
    bytes[31] = bytes[31] & 0x7f | 0x40;
    bytes
}

fn order() -> BoxedUint {
    number(&hex::decode(ORDER).expect("hex digits"))
}

fn reduced(little_endian: &[u8]) -> BoxedUint {
    let bytes: Vec<u8> = little_endian.iter().rev().copied().collect();
    reduce_by(&order(), &number(&bytes))
}

/// A scalar as it is, and in the limbs that curve25519-dalek multiplies.
fn forms(name: &str, value: &BoxedUint) -> Named {
    let bytes = value.to_be_bytes();
    vec![
        (name.to_owned(), bytes.to_vec()),
        (format!("{name} in limbs of 52 bits"), in_radix_52(&bytes)),
    ]
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    #[test]
    fn the_nonce_and_the_scalar_are_those_of_the_signature() {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        let key = SigningKey::from_bytes(&seed);
        assert_eq!(key.to_scalar_bytes()[..], ed25519(&seed)[1].1[..]);
        let signature = key.sign(b"message").to_bytes();
        let found = nonce(&seed, b"message", &signature);
        let of = |index: usize| number(&found[index].1);
        // s = r + k a, with the challenge k (RFC 8032 section 5.1.6).
        let challenge = Sha512::new()
            .chain_update(&signature[..32])
            .chain_update(key.verifying_key().to_bytes())
            .chain_update(b"message")
            .finalize();
        let scalar = number(&ed25519(&seed)[4].1);
        let product = super::super::number::product(&reduced(&challenge), &scalar);
        assert_eq!(reduce_by(&order(), &product), of(3));
        let sum = widened(&of(1), 320).wrapping_add(widened(&of(3), 320));
        assert_eq!(reduce_by(&order(), &sum), reduced(&signature[32..]));
    }

    #[test]
    fn the_nonce_and_the_scalar_of_ed448_are_those_of_the_signature() {
        let mut seed = [0; 57];
        getrandom::fill(&mut seed).unwrap();
        let key = ed448_goldilocks::SigningKey::try_from(&seed[..]).unwrap();
        let signature = key.sign_raw(b"message").to_bytes();
        let forms = ed448(&seed);
        let scalar = number(&forms[4].1);
        assert_eq!(key.to_scalar().to_bytes().to_vec(), reversed(&forms[4].1));
        let four = super::super::number::product(&number(&forms[5].1), &number(&[4]));
        assert_eq!(reduce_by(&order_448(), &four), scalar);
        let found = nonce_448(&seed, b"message", &signature);
        let of = |index: usize| number(&found[index].1);
        // S = r + k s, with the challenge k (RFC 8032 section 5.2.6).
        let public = key.verifying_key().to_bytes();
        let challenge = shake(&[b"SigEd448", &[0, 0], &signature[..57], &public[..], b"message"]);
        let product = super::super::number::product(&reduced_448(&challenge), &scalar);
        assert_eq!(reduce_by(&order_448(), &product), of(3));
        let sum = widened(&of(1), 512).wrapping_add(widened(&of(3), 512));
        assert_eq!(reduce_by(&order_448(), &sum), reduced_448(&signature[57..]));
    }

    fn reversed(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().rev().copied().collect()
    }
}
