//! The hash functions that schemes are made with, and their PKCS#11 numbers.

use super::ckm;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-1, FIPS 180-4; for old signatures, HMAC and OAEP.
    Sha1,
    /// SHA-224, FIPS 180-4.
    Sha224,
    /// SHA-256, FIPS 180-4.
    Sha256,
    /// SHA-384, FIPS 180-4.
    Sha384,
    /// SHA-512, FIPS 180-4.
    Sha512,
    /// SM3, GB/T 32905.
    Sm3,
}

/// Each hash with its digest mechanism and its mask generation function (`CKG_MGF1_`).
const NUMBERS: &[(Hash, u64, u64)] = &[
    (Hash::Sha1, ckm::CKM_SHA_1, 1),
    (Hash::Sha256, ckm::CKM_SHA256, 2),
    (Hash::Sha384, ckm::CKM_SHA384, 3),
    (Hash::Sha512, ckm::CKM_SHA512, 4),
    (Hash::Sha224, ckm::CKM_SHA224, 5),
];

impl Hash {
    /// Every hash function.
    pub const ALL: [Self; 6] =
        [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512, Self::Sm3];

    /// The length of a digest in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 | Self::Sm3 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The hash function of this digest mechanism.
    #[must_use]
    pub fn from_ckm(ckm: u64) -> Option<Self> {
        NUMBERS.iter().find(|row| row.1 == ckm).map(|row| row.0)
    }

    /// The digest mechanism, if PKCS#11 defines one.
    #[must_use]
    pub fn ckm(self) -> Option<u64> {
        NUMBERS.iter().find(|row| row.0 == self).map(|row| row.1)
    }

    /// The hash function inside this mask generation function.
    #[must_use]
    pub fn from_mgf(ckg: u64) -> Option<Self> {
        NUMBERS.iter().find(|row| row.2 == ckg).map(|row| row.0)
    }

    /// MGF1 with this hash, if PKCS#11 defines it.
    #[must_use]
    pub fn mgf(self) -> Option<u64> {
        NUMBERS.iter().find(|row| row.0 == self).map(|row| row.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_back_to_its_hash() {
        for hash in Hash::ALL {
            assert_eq!(hash.ckm().and_then(Hash::from_ckm), hash.ckm().map(|_| hash));
            assert_eq!(hash.mgf().and_then(Hash::from_mgf), hash.mgf().map(|_| hash));
        }
        assert_eq!(Hash::Sha256.ckm(), Some(0x250));
        assert_eq!(Hash::Sm3.ckm(), None);
    }
}
