//! What kind of cryptographic key an object is.

use coffer_protocol::attribute;
use coffer_protocol::key_type::KeyType;

use super::{Object, class, cmk};
use crate::crypto::{KeySpec, ecdsa::Curve};
use crate::vault::Depth;

impl Object {
    /// How its material is read; `None` where the object is no key or its curve is unknown.
    pub fn spec(&self) -> Option<KeySpec> {
        if let Some(key) = self.key.as_ref().filter(|key| key.is_cmk()) {
            return Some(cmk::material_spec(key.spec));
        }
        Some(match self.key_type()? {
            KeyType::Aes => KeySpec::Aes,
            KeyType::AesXts => KeySpec::AesXts,
            KeyType::Sm4 => KeySpec::Sm4,
            KeyType::GenericSecret
            | KeyType::Hmac(_)
            | KeyType::HmacSha512T
            | KeyType::Hkdf
            | KeyType::ChaCha20 => KeySpec::Secret,
            KeyType::Rsa => KeySpec::Rsa,
            key_type @ (KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery) => {
                let params = self.attributes.get(attribute::EC_PARAMS)?;
                KeySpec::Ec(Curve::from_ec_params(key_type, params).ok()?)
            }
            KeyType::Sm2 => KeySpec::Sm2,
        })
    }

    /// The size of a key: bits of the modulus, of the field of its curve, or of the secret; 0 where it has none.
    pub fn key_bits(&self) -> u32 {
        let bits = match self.key_type() {
            Some(KeyType::Rsa) => self.attributes.get(attribute::MODULUS).map_or(0, bit_length),
            Some(KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery | KeyType::Sm2) => {
                match self.spec() {
                    Some(KeySpec::Ec(curve)) => curve.bits(),
                    _ => 256,
                }
            }
            Some(KeyType::Sm4) => 128,
            Some(
                KeyType::Aes
                | KeyType::GenericSecret
                | KeyType::Hmac(_)
                | KeyType::HmacSha512T
                | KeyType::Hkdf
                | KeyType::AesXts
                | KeyType::ChaCha20,
            ) => {
                let length = self.attributes.number(attribute::VALUE_LEN).unwrap_or(0);
                usize::try_from(length).unwrap_or(usize::MAX).saturating_mul(8)
            }
            None => 0,
        };
        u32::try_from(bits).unwrap_or(u32::MAX)
    }
}

/// A larger modulus needs more than a small stack and the usual room.
const LARGE_MODULUS: u32 = 4096;

impl Object {
    /// How much stack opening its key and its private operation take. What making a key or agreeing on one takes
    /// beside that is known where it is done.
    pub fn depth(&self) -> Depth {
        let is_large = self.key_type() == Some(KeyType::Rsa) && self.key_bits() > LARGE_MODULUS;
        if is_large && self.class() != class::PUBLIC_KEY { Depth::Large } else { Depth::Small }
    }

    /// Room in the arena that opening its key may need, in bytes: an RSA-4096 key, prepared twice by the second
    /// implementation, and the temporaries of trying it out; twice as much for one of 8192 bits.
    pub fn room(&self) -> usize {
        match self.depth() {
            Depth::Small => 96 << 10,
            Depth::Large => 192 << 10,
        }
    }
}

/// Bits of a big-endian number.
pub fn bit_length(number: &[u8]) -> usize {
    let start = number.iter().take_while(|byte| **byte == 0).count();
    match number.get(start) {
        Some(first) => (number.len() - start) * 8 - first.leading_zeros() as usize,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_do_not_count() {
        for (number, bits) in [(&[][..], 0), (&[0, 0], 0), (&[0, 1], 1), (&[0x80, 0], 16)] {
            assert_eq!(bit_length(number), bits);
        }
    }
}
