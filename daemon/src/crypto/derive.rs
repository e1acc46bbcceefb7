//! Deriving the bytes of a key from a key, by scheme.

use coffer_protocol::mechanism::{Ecdh, Hkdf, Parameter, Salt, Scheme};
use zeroize::{Zeroize, Zeroizing};

use super::aes::{Aes, BLOCK, BlockMode};
use super::{Error, Key, KeySpec, ecdh, hash, kdf, sha512_t, sp800_108, tls};

/// The length of a master secret of TLS in bytes.
const MASTER_SECRET: usize = 48;

/// A key that others are derived from.
#[derive(Clone, Copy)]
pub struct Base<'k> {
    /// The key, prepared.
    pub key: &'k Key,
    /// Its form at rest, which for a secret key is its value; may be empty where [`takes_value`] says no.
    pub value: &'k [u8],
}

/// Whether a scheme derives from the value of a key as it is, whatever the type.
pub const fn takes_value(scheme: Scheme) -> bool {
    matches!(
        scheme,
        Scheme::ConcatenateKeys
            | Scheme::ConcatenateData
            | Scheme::ConcatenateBase
            | Scheme::XorData
            | Scheme::ExtractBits
            | Scheme::HashKey(_)
            | Scheme::HashKeySha512T
            | Scheme::Kdf
            | Scheme::TlsMaster
            | Scheme::TlsMasterDh
            | Scheme::TlsKeys
            | Scheme::TlsKdf
    )
}

/// How many bytes a derivation from a key of this kind and length gives when nobody says how many are wanted; `None`
/// where somebody must. `other` is the length of the second key.
pub fn natural_length(
    base: KeySpec,
    length: usize,
    other: usize,
    scheme: Scheme,
    parameter: &Parameter,
) -> Option<usize> {
    match (scheme, parameter) {
        (Scheme::Hkdf | Scheme::HkdfData, Parameter::Hkdf(hkdf)) if !hkdf.expand => {
            Some(hkdf.hash.len())
        }
        (Scheme::Ecdh, Parameter::Ecdh(Ecdh { kdf: None, .. })) => ecdh::shared_len(base),
        (Scheme::ConcatenateKeys, _) => Some(length + other),
        (Scheme::ConcatenateData | Scheme::ConcatenateBase, Parameter::Data(data)) => {
            Some(length + data.len())
        }
        (Scheme::XorData, Parameter::Data(data)) => Some(length.min(data.len())),
        (Scheme::HashKey(hash), _) => Some(hash.len()),
        (Scheme::HashKeySha512T, Parameter::Truncation(t)) => Some(t.len()),
        (Scheme::AesEcbData, Parameter::Data(data)) => Some(data.len()),
        (Scheme::AesCbcData, Parameter::CbcData(parameter)) => Some(parameter.data.len()),
        (Scheme::TlsMaster | Scheme::TlsMasterDh, _) => Some(MASTER_SECRET),
        (Scheme::TlsKeys, Parameter::TlsKeys(keys)) => Some(keys.key_len),
        _ => None,
    }
}

/// Derives `length` bytes from `base`; `other` is the second key, where the parameter names one.
///
/// # Errors
///
/// [`Error::DataLength`] where the scheme does not give so many bytes, [`Error::Parameter`] for a point that is none
/// and for data to encrypt that is not whole blocks or too short.
pub fn derive(
    base: Base<'_>,
    other: Option<Base<'_>>,
    scheme: Scheme,
    parameter: &Parameter,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    derive_keys(base, other.as_slice(), scheme, parameter, &[length])
}

/// [`derive`] for several keys at once, whose bytes stand one behind the other in the result; `others` are the keys that
/// the parameter names, in its order.
///
/// # Errors
///
/// As [`derive`].
pub fn derive_keys(
    base: Base<'_>,
    others: &[Base<'_>],
    scheme: Scheme,
    parameter: &Parameter,
    lengths: &[usize],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let length = lengths.iter().sum();
    let (value, other) = (base.value, others.first());
    match (scheme, base.key, parameter) {
        (Scheme::Hkdf | Scheme::HkdfData, Key::Secret(base), Parameter::Hkdf(parameter)) => {
            hkdf(base, other.map(|other| other.key), parameter, length)
        }
        (Scheme::Ecdh, base, Parameter::Ecdh(parameter)) => ecdh::derive(base, parameter, length),
        (Scheme::ConcatenateKeys, ..) => {
            first(&[value, other.ok_or(Error::Mechanism)?.value], length)
        }
        (Scheme::ConcatenateData, _, Parameter::Data(data)) => first(&[value, data], length),
        (Scheme::ConcatenateBase, _, Parameter::Data(data)) => first(&[data, value], length),
        (Scheme::XorData, _, Parameter::Data(data)) => {
            let sum = value.iter().zip(data).map(|(one, other)| one ^ other);
            first(&[&Zeroizing::new(sum.collect::<Vec<_>>())], length)
        }
        (Scheme::ExtractBits, _, Parameter::Bit(bit)) => extract_bits(value, *bit, length),
        (Scheme::HashKey(kind), ..) => first(&[&Zeroizing::new(hash::digest(kind, value))], length),
        (Scheme::HashKeySha512T, _, Parameter::Truncation(t)) => {
            first(&[&sha512_t::digest(*t, value)?], length)
        }
        (Scheme::AesEcbData, Key::Aes(key), Parameter::Data(data)) => {
            encrypted(BlockMode::ecb_encryptor(key), data, length)
        }
        (Scheme::AesCbcData, Key::Aes(key), Parameter::CbcData(parameter)) => {
            let key: &Aes = key;
            encrypted(BlockMode::cbc_encryptor(key, &parameter.iv), &parameter.data, length)
        }
        (Scheme::Kdf, _, Parameter::Kdf(mode, kdf)) => {
            let others: Vec<&[u8]> = others.iter().map(|other| other.value).collect();
            sp800_108::derive(*mode, kdf, base, &others, lengths)
        }
        (
            Scheme::TlsMaster | Scheme::TlsMasterDh | Scheme::TlsKdf,
            _,
            Parameter::Tls(parameter),
        ) => tls::prf(parameter.hash, value, &parameter.label, &parameter.seed, length),
        (Scheme::TlsKeys, _, Parameter::TlsKeys(keys)) => {
            tls::prf(keys.tls.hash, value, &keys.tls.label, &keys.tls.seed, length)
        }
        _ => Err(Error::Mechanism),
    }
}

/// The first `length` bytes of the parts, one behind the other.
fn first(parts: &[&[u8]], length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    if length > parts.iter().map(|part| part.len()).sum() {
        return Err(Error::DataLength);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(length));
    for part in parts {
        let left = length - bytes.len();
        bytes.extend_from_slice(&part[..part.len().min(left)]);
    }
    Ok(bytes)
}

/// Bits of a key from one on, beginning anew at its first where its last was taken (PKCS#11 3.1 section 6.43.7).
fn extract_bits(value: &[u8], bit: u64, length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    if length > value.len() {
        return Err(Error::DataLength);
    }
    let bits = 8 * value.len();
    let start = usize::try_from(bit).ok().filter(|bit| *bit < bits).ok_or(Error::Parameter)?;
    let (byte, shift) = (start / 8, start % 8);
    let at = |index: usize| u16::from(value[(byte + index) % value.len()]);
    // Two bytes hold the eight bits that are wanted, wherever they begin.
    let pick = |index| ((at(index) << 8 | at(index + 1)) >> (8 - shift)).to_be_bytes()[1];
    Ok(Zeroizing::new((0..length).map(pick).collect()))
}

/// The beginning of a ciphertext (PKCS#11 3.1 section 6.15: what is not used is at its end).
fn encrypted(mut mode: BlockMode, data: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Data that is too short for the key is a fault of the parameter, not of the key.
    if data.is_empty() || !data.len().is_multiple_of(BLOCK) || length > data.len() {
        return Err(Error::Parameter);
    }
    // The blocks behind those that are used change nothing in front of them.
    let used = data.get(..length.next_multiple_of(BLOCK)).ok_or(Error::Internal)?;
    let mut bytes = Zeroizing::new(used.to_vec());
    mode.apply(&mut bytes)?;
    bytes[length..].zeroize();
    bytes.truncate(length);
    Ok(bytes)
}

fn hkdf(
    base: &[u8],
    other: Option<&Key>,
    parameter: &Hkdf,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let salt: &[u8] = match (&parameter.salt, other) {
        (Salt::None, _) => &[],
        (Salt::Data(salt), _) => salt,
        (Salt::Key(_), Some(Key::Secret(salt))) => salt,
        (Salt::Key(_), _) => return Err(Error::Mechanism),
    };
    let extracted;
    let key = if parameter.extract {
        extracted = kdf::extract(parameter.hash, salt, base)?;
        &extracted[..]
    } else {
        base
    };
    if !parameter.expand {
        let bytes = key.get(..length).ok_or(Error::DataLength)?;
        return Ok(Zeroizing::new(bytes.to_vec()));
    }
    let mut output = Zeroizing::new(vec![0; length]);
    kdf::expand(parameter.hash, key, &parameter.info, &mut output)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// PKCS#11 3.1 section 6.43.7 has this example: two bytes of 0x329f84a9 from bit 21 on.
    #[test]
    fn bits_are_taken_as_the_example_of_the_standard_does() {
        let value = [0x32, 0x9f, 0x84, 0xa9];
        assert_eq!(*extract_bits(&value, 21, 2).unwrap(), [0x95, 0x26]);
        assert_eq!(*extract_bits(&value, 4, 2).unwrap(), [0x29, 0xf8]);
        assert_eq!(*extract_bits(&value, 0, 4).unwrap(), value);
        assert_eq!(*extract_bits(&value, 28, 1).unwrap(), [0x93]);
        assert_eq!(*extract_bits(&value, 31, 4).unwrap(), [0x99, 0x4f, 0xc2, 0x54]);
        assert_eq!(extract_bits(&value, 32, 1), Err(Error::Parameter));
        assert_eq!(extract_bits(&value, 0, 5), Err(Error::DataLength));
    }

    proptest! {
        #[test]
        fn bits_go_round(value in prop::collection::vec(any::<u8>(), 1..40), start in 0_usize..320) {
            let bits = 8 * value.len();
            let start = start % bits;
            let bit = |bytes: &[u8], at: usize| bytes[at / 8] >> (7 - at % 8) & 1;
            let taken = extract_bits(&value, start as u64, value.len()).unwrap();
            for at in 0..bits {
                prop_assert_eq!(bit(&taken, at), bit(&value, (start + at) % bits));
            }
        }

        #[test]
        fn the_first_bytes_of_parts_are_those_of_all(
            parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..4),
            length in 0_usize..40
        ) {
            let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let all = slices.concat();
            let taken = first(&slices, length);
            prop_assert_eq!(taken.ok().map(|bytes| bytes.to_vec()), all.get(..length).map(<[u8]>::to_vec));
        }
    }
}
