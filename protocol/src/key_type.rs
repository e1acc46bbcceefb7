//! The kinds of key that mechanisms ask for.

use crate::mechanism::Hash;

/// A key type; most have a PKCS#11 number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// An RSA pair.
    Rsa,
    /// A pair on a curve over a prime field: of NIST, SECG or brainpool.
    Ec,
    /// A pair on a twisted Edwards curve, for EdDSA.
    EcEdwards,
    /// A pair on a Montgomery curve, for key agreement.
    EcMontgomery,
    /// Bytes without a fixed use, `CKK_GENERIC_SECRET`.
    GenericSecret,
    /// An AES key.
    Aes,
    /// Two AES keys for XTS, of 32 or 64 bytes together.
    AesXts,
    /// A secret for HMAC with this hash only.
    Hmac(Hash),
    /// A secret for HMAC with SHA-512/t only, whatever t.
    HmacSha512T,
    /// A ChaCha20 key, of 32 bytes.
    ChaCha20,
    /// A secret for HKDF only.
    Hkdf,
    /// A pair on the SM2 curve; its numbers depend on the vendor dialect.
    Sm2,
    /// An SM4 key; its numbers depend on the vendor dialect.
    Sm4,
}

/// The `CKK_` numbers, PKCS#11 3.1 section 4.7.
const NUMBERS: &[(KeyType, u64)] = &[
    (KeyType::Rsa, 0x00),
    (KeyType::Ec, 0x03),
    (KeyType::EcEdwards, 0x40),
    (KeyType::EcMontgomery, 0x41),
    (KeyType::GenericSecret, 0x10),
    (KeyType::Aes, 0x1f),
    (KeyType::Hmac(Hash::Sha1), 0x28),
    (KeyType::Hmac(Hash::Sha256), 0x2b),
    (KeyType::Hmac(Hash::Sha384), 0x2c),
    (KeyType::Hmac(Hash::Sha512), 0x2d),
    (KeyType::Hmac(Hash::Sha224), 0x2e),
    (KeyType::ChaCha20, 0x33),
    (KeyType::AesXts, 0x35),
    (KeyType::Hmac(Hash::Sha3_224), 0x36),
    (KeyType::Hmac(Hash::Sha3_256), 0x37),
    (KeyType::Hmac(Hash::Sha3_384), 0x38),
    (KeyType::Hmac(Hash::Sha3_512), 0x39),
    (KeyType::Hkdf, 0x42),
    (KeyType::Hmac(Hash::Sha512_224), 0x43),
    (KeyType::Hmac(Hash::Sha512_256), 0x44),
    (KeyType::HmacSha512T, 0x45),
];

impl KeyType {
    /// The `CKK_` number, if PKCS#11 defines one.
    #[must_use]
    pub fn ckk(self) -> Option<u64> {
        NUMBERS.iter().find(|(key_type, _)| *key_type == self).map(|(_, ckk)| *ckk)
    }

    /// The key type with this `CKK_` number.
    #[must_use]
    pub fn from_ckk(ckk: u64) -> Option<Self> {
        NUMBERS.iter().find(|(_, number)| *number == ckk).map(|(key_type, _)| *key_type)
    }

    /// Whether the key is a pair of a private and a public half.
    #[must_use]
    pub const fn is_pair(self) -> bool {
        matches!(self, Self::Rsa | Self::Ec | Self::EcEdwards | Self::EcMontgomery | Self::Sm2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_back_to_its_key_type() {
        for (key_type, ckk) in NUMBERS {
            assert_eq!(KeyType::from_ckk(*ckk), Some(*key_type));
            assert_eq!(key_type.ckk(), Some(*ckk));
        }
        assert_eq!(KeyType::from_ckk(0x8000_0000), None);
        assert_eq!(KeyType::Sm4.ckk(), None);
    }
}
