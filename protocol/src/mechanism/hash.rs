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
    /// SHA-512/224, FIPS 180-4.
    Sha512_224,
    /// SHA-512/256, FIPS 180-4.
    Sha512_256,
    /// SHA3-224, FIPS 202.
    Sha3_224,
    /// SHA3-256, FIPS 202.
    Sha3_256,
    /// SHA3-384, FIPS 202.
    Sha3_384,
    /// SHA3-512, FIPS 202.
    Sha3_512,
    /// SM3, GB/T 32905.
    Sm3,
}

/// Each hash with its digest mechanism, its mask generation function (`CKG_MGF1_`), and its key derivation
/// function of ANSI X9.63 (`CKD_`), if there are such.
const NUMBERS: &[(Hash, u64, Option<u64>, Option<u64>)] = &[
    (Hash::Sha1, ckm::CKM_SHA_1, Some(1), Some(2)),
    (Hash::Sha256, ckm::CKM_SHA256, Some(2), Some(6)),
    (Hash::Sha384, ckm::CKM_SHA384, Some(3), Some(7)),
    (Hash::Sha512, ckm::CKM_SHA512, Some(4), Some(8)),
    (Hash::Sha224, ckm::CKM_SHA224, Some(5), Some(5)),
    (Hash::Sha3_224, ckm::CKM_SHA3_224, Some(6), Some(10)),
    (Hash::Sha3_256, ckm::CKM_SHA3_256, Some(7), Some(11)),
    (Hash::Sha3_384, ckm::CKM_SHA3_384, Some(8), Some(12)),
    (Hash::Sha3_512, ckm::CKM_SHA3_512, Some(9), Some(13)),
    (Hash::Sha512_224, ckm::CKM_SHA512_224, None, None),
    (Hash::Sha512_256, ckm::CKM_SHA512_256, None, None),
];

impl Hash {
    /// Every hash function.
    pub const ALL: [Self; 12] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha512_224,
        Self::Sha512_256,
        Self::Sha3_224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
        Self::Sm3,
    ];

    /// The length of a digest in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512_224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 | Self::Sm3 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
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
        NUMBERS.iter().find(|row| row.2 == Some(ckg)).map(|row| row.0)
    }

    /// MGF1 with this hash, if PKCS#11 defines it.
    #[must_use]
    pub fn mgf(self) -> Option<u64> {
        NUMBERS.iter().find(|row| row.0 == self).and_then(|row| row.2)
    }

    /// The mechanism of HMAC with this hash, if PKCS#11 defines one.
    #[must_use]
    pub fn hmac(self) -> Option<u64> {
        // Every digest that has a number has that of its HMAC next to it.
        self.ckm().map(|digest| digest + 1)
    }

    /// The hash function inside this key derivation function of ANSI X9.63.
    #[must_use]
    pub fn from_kdf(ckd: u64) -> Option<Self> {
        NUMBERS.iter().find(|row| row.3 == Some(ckd)).map(|row| row.0)
    }

    /// The key derivation function of ANSI X9.63 with this hash, if PKCS#11 defines it.
    #[must_use]
    pub fn kdf(self) -> Option<u64> {
        NUMBERS.iter().find(|row| row.0 == self).and_then(|row| row.3)
    }
}

/// How many bits SHA-512/t gives (FIPS 180-4 section 5.3.6), which are whole bytes here: HMAC over others would not be a
/// string of bytes inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncation(u16);

impl Truncation {
    /// So many bits, from 8 to 504, a multiple of 8, and not 384, which is SHA-384.
    #[must_use]
    pub fn new(bits: u32) -> Option<Self> {
        let is_possible = (8..512).contains(&bits) && bits.is_multiple_of(8) && bits != 384;
        u16::try_from(bits).ok().filter(|_| is_possible).map(Self)
    }

    /// The number of bits.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The length of a digest in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        self.0 as usize / 8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncations_are_whole_bytes_but_not_those_of_sha_384() {
        let possible: Vec<u32> =
            (0..2000).filter(|bits| Truncation::new(*bits).is_some()).collect();
        let expected: Vec<u32> =
            (1..64).filter(|bytes| *bytes != 48).map(|bytes| 8 * bytes).collect();
        assert_eq!(possible, expected);
        assert_eq!(Truncation::new(224).map(|t| (t.bits(), t.len())), Some((224, 28)));
        assert_eq!(Truncation::new(65_536 + 224), None);
    }

    #[test]
    fn every_number_leads_back_to_its_hash() {
        for hash in Hash::ALL {
            assert_eq!(hash.ckm().and_then(Hash::from_ckm), hash.ckm().map(|_| hash));
            assert_eq!(hash.mgf().and_then(Hash::from_mgf), hash.mgf().map(|_| hash));
            assert_eq!(hash.kdf().and_then(Hash::from_kdf), hash.kdf().map(|_| hash));
        }
        assert_eq!(Hash::Sha256.ckm(), Some(0x250));
        assert_eq!(Hash::Sm3.ckm(), None);
    }
}
