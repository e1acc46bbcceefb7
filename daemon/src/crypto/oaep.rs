//! EME-OAEP, RFC 8017 section 7.1, with a mask whose hash is not that of the label. The library makes a program of
//! its own for each pair of hashes, and does the pairs of equal ones.

use coffer_protocol::mechanism::Oaep;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use super::hash::digest;
use super::mgf::mask;
use super::{Error, random};

/// Encodes a message with a fresh seed, for a modulus of `length` bytes.
pub(super) fn encode(
    oaep: &Oaep,
    message: &[u8],
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let hash_len = oaep.hash.len();
    let room = length.checked_sub(2 * hash_len + 2).ok_or(Error::DataLength)?;
    let zeros = room.checked_sub(message.len()).ok_or(Error::DataLength)?;
    let mut encoded = Zeroizing::new(vec![0; length]);
    let (seed, data) = encoded[1..].split_at_mut(hash_len);
    random::fill(seed)?;
    data[..hash_len].copy_from_slice(&digest(oaep.hash, &oaep.label));
    data[hash_len + zeros] = 1;
    data[hash_len + zeros + 1..].copy_from_slice(message);
    mask(oaep.mgf, seed, data);
    mask(oaep.mgf, data, seed);
    Ok(encoded)
}

/// The message of an encoding as long as the modulus. What is wrong with one takes no other time than what is right,
/// and is told by one error (section 7.1.2, the note).
pub(super) fn decode(oaep: &Oaep, encoded: &mut [u8]) -> Result<Vec<u8>, Error> {
    let hash_len = oaep.hash.len();
    if encoded.len() < 2 * hash_len + 2 {
        return Err(Error::EncryptedDataInvalid);
    }
    let (first, rest) = encoded.split_at_mut(1);
    let (seed, data) = rest.split_at_mut(hash_len);
    mask(oaep.mgf, data, seed);
    mask(oaep.mgf, seed, data);
    let (label, padded) = data.split_at(hash_len);
    let mut right = first[0].ct_eq(&0) & label.ct_eq(&digest(oaep.hash, &oaep.label));
    let (mut looking, mut start) = (Choice::from(1), 0_u64);
    for (index, byte) in (1_u64..).zip(padded) {
        let is_one = byte.ct_eq(&1);
        right &= !(looking & !is_one & !byte.ct_eq(&0));
        start.conditional_assign(&index, looking & is_one);
        looking &= !is_one;
    }
    let start = usize::try_from(start).map_err(|_| Error::Internal)?;
    match padded.get(start..) {
        Some(message) if bool::from(right & !looking) => Ok(message.to_vec()),
        _ => Err(Error::EncryptedDataInvalid),
    }
}

#[cfg(test)]
mod tests {
    use coffer_protocol::mechanism::Hash;

    use super::*;

    fn oaep(label: &[u8]) -> Oaep {
        Oaep { hash: Hash::Sha256, mgf: Hash::Sha1, label: label.to_vec() }
    }

    #[test]
    fn a_message_of_any_length_that_fits_comes_back() {
        for length in [0, 1, 100, 190] {
            let message = vec![7; length];
            let mut encoded = encode(&oaep(b"label"), &message, 256).unwrap();
            assert_eq!((encoded.len(), encoded[0]), (256, 0));
            assert_eq!(decode(&oaep(b"label"), &mut encoded).unwrap(), message);
        }
        assert_eq!(encode(&oaep(b""), &[7; 191], 256), Err(Error::DataLength));
        assert_eq!(encode(&oaep(b""), b"", 65), Err(Error::DataLength));
    }

    #[test]
    fn every_changed_byte_and_another_label_are_refused() {
        let encoded = encode(&oaep(b"label"), &[0; 20], 128).unwrap();
        for at in 0..encoded.len() {
            let mut wrong = encoded.clone();
            wrong[at] ^= 0x80;
            assert_eq!(decode(&oaep(b"label"), &mut wrong), Err(Error::EncryptedDataInvalid));
        }
        let refused = decode(&oaep(b"other"), &mut encoded.clone());
        assert_eq!(refused, Err(Error::EncryptedDataInvalid));
        assert_eq!(decode(&oaep(b""), &mut [0; 65]), Err(Error::EncryptedDataInvalid));
    }
}
