//! EMSA-PSS, RFC 8017 section 9.1, with a mask whose hash is not that of the message. The library has only the
//! case of one hash for both.

use coffer_protocol::mechanism::{Hash, Pss};
use subtle::ConstantTimeEq;

use super::hash::{Hasher, digest};
use super::{Error, random};

/// The octet at the end of an encoded message.
const TRAILER: u8 = 0xbc;

/// Encodes the hash of a message with a fresh salt, for a modulus of `modulus_bits`.
pub(super) fn encode(pss: Pss, hash: &[u8], modulus_bits: usize) -> Result<Vec<u8>, Error> {
    let mut salt = vec![0; pss.salt_len];
    random::fill(&mut salt)?;
    encode_with(pss, hash, &salt, modulus_bits)
}

fn encode_with(pss: Pss, hash: &[u8], salt: &[u8], modulus_bits: usize) -> Result<Vec<u8>, Error> {
    let (length, unused) = shape(modulus_bits);
    let data_len = (length.checked_sub(pss.hash.len() + 1)).ok_or(Error::Parameter)?;
    let zeros = data_len.checked_sub(salt.len() + 1).ok_or(Error::Parameter)?;
    let seed = salted(pss.hash, hash, salt);
    let mut encoded = vec![0; zeros];
    encoded.push(1);
    encoded.extend_from_slice(salt);
    mask(pss.mgf, &seed, &mut encoded);
    encoded[0] &= 0xff >> unused;
    encoded.extend_from_slice(&seed);
    encoded.push(TRAILER);
    Ok(encoded)
}

/// Whether `encoded`, as long as the modulus, is an encoding of the hash of a message.
pub(super) fn verify(pss: Pss, hash: &[u8], encoded: &[u8], modulus_bits: usize) -> bool {
    let (length, unused) = shape(modulus_bits);
    let Some(start) = encoded.len().checked_sub(length) else { return false };
    let (above, encoded) = encoded.split_at(start);
    let Some((&TRAILER, encoded)) = encoded.split_last() else { return false };
    let Some(data_len) = encoded.len().checked_sub(pss.hash.len()) else { return false };
    let (masked, seed) = encoded.split_at(data_len);
    let Some(zeros) = data_len.checked_sub(pss.salt_len + 1) else { return false };
    if above.iter().any(|byte| *byte != 0) || masked[0] & !(0xff >> unused) != 0 {
        return false;
    }
    let mut data = masked.to_vec();
    mask(pss.mgf, seed, &mut data);
    data[0] &= 0xff >> unused;
    let (padding, rest) = data.split_at(zeros);
    let Some((1, salt)) = rest.split_first() else { return false };
    padding.iter().all(|byte| *byte == 0)
        && bool::from(salted(pss.hash, hash, salt).as_slice().ct_eq(seed))
}

/// The length of the encoding in bytes, and how many bits of its first byte are not used.
fn shape(modulus_bits: usize) -> (usize, usize) {
    let bits = modulus_bits.saturating_sub(1);
    let length = bits.div_ceil(8);
    (length, 8 * length - bits)
}

/// The hash of eight zeros, the message's hash and the salt.
fn salted(kind: Hash, hash: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut hasher = Hasher::new(kind);
    hasher.update(&[0; 8]);
    hasher.update(hash);
    hasher.update(salt);
    hasher.finish()
}

/// Masks `data` with MGF1 (RFC 8017 appendix B.2.1).
fn mask(kind: Hash, seed: &[u8], data: &mut [u8]) {
    for (counter, block) in (0_u32..).zip(data.chunks_mut(kind.len())) {
        let pattern = digest(kind, &[seed, &counter.to_be_bytes()].concat());
        for (byte, pattern) in block.iter_mut().zip(pattern) {
            *byte ^= pattern;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_of_its_hash_and_salt_length_only() {
        let hash = digest(Hash::Sha256, b"message");
        for bits in [2048, 2049, 2056, 2047] {
            for salt_len in [0, 20, 190] {
                let pss = Pss { hash: Hash::Sha256, mgf: Hash::Sha1, salt_len };
                let encoded = encode(pss, &hash, bits).unwrap();
                assert_eq!(encoded.len(), (bits - 1_usize).div_ceil(8));
                assert!(verify(pss, &hash, &encoded, bits), "{bits} {salt_len}");
                assert!(!verify(pss, &digest(Hash::Sha256, b"other"), &encoded, bits));
                assert!(!verify(Pss { mgf: Hash::Sha256, ..pss }, &hash, &encoded, bits));
                assert!(!verify(Pss { salt_len: salt_len + 1, ..pss }, &hash, &encoded, bits));
                for index in [0, 100, encoded.len() - 40, encoded.len() - 1] {
                    let mut changed = encoded.clone();
                    changed[index] ^= 1;
                    assert!(!verify(pss, &hash, &changed, bits), "byte {index}");
                }
                assert!(!verify(pss, &hash, &encoded[1..], bits));
            }
        }
        let long = Pss { hash: Hash::Sha256, mgf: Hash::Sha1, salt_len: 223 };
        assert_eq!(encode(long, &hash, 2048), Err(Error::Parameter));
        assert!(encode(Pss { salt_len: 222, ..long }, &hash, 2048).is_ok());
    }
}
