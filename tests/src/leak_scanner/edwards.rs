//! The patterns of Ed25519 (RFC 8032 section 5.1) and X25519 (RFC 7748 section 5).

use ::rsa::BoxedUint;
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
}
