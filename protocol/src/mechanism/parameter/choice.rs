//! Parameters that name hashes and other choices, typed after parsing.

use super::super::Hash;
use super::{
    CallError, ChaChaParameter, EcdhAesParameter, EcdhParameter, HkdfParameter, OaepParameter,
    WrapIvParameter,
};

/// The salt of HKDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Salt {
    /// None: as many zeros as a digest has bytes.
    None,
    /// These bytes.
    Data(Vec<u8>),
    /// The value of the key with this handle.
    Key(u32),
}

/// The choices of HKDF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hkdf {
    /// The hash.
    pub hash: Hash,
    /// Whether to extract; otherwise the base key is the pseudorandom key.
    pub extract: bool,
    /// Whether to expand; otherwise the result is the pseudorandom key.
    pub expand: bool,
    /// The salt.
    pub salt: Salt,
    /// What the key is for.
    pub info: Vec<u8>,
}

/// Where a stream of ChaCha20 begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChaCha {
    /// As RFC 8439 has it.
    Ietf {
        /// The nonce.
        nonce: [u8; 12],
        /// The number of the first block.
        block: u32,
    },
    /// As it was published first.
    Original {
        /// The nonce.
        nonce: [u8; 8],
        /// The number of the first block.
        block: u64,
    },
}

/// The choices of Diffie-Hellman on a curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ecdh {
    /// The hash of the key derivation function of ANSI X9.63; `None` takes the shared secret as it is.
    pub kdf: Option<Hash>,
    /// What both sides know.
    pub shared_data: Vec<u8>,
    /// The public point of the other side, raw or in an OCTET STRING.
    pub public_data: Vec<u8>,
}

/// The choices of an RSA-PSS signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pss {
    /// The hash of the message.
    pub hash: Hash,
    /// The hash of MGF1.
    pub mgf: Hash,
    /// The length of the salt in bytes.
    pub salt_len: usize,
}

/// The choices of RSA-OAEP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oaep {
    /// The hash of the label.
    pub hash: Hash,
    /// The hash of MGF1.
    pub mgf: Hash,
    /// The label.
    pub label: Vec<u8>,
}

/// The choices of wrapping with RSA and AES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaAes {
    /// The length of the AES key in bytes.
    pub aes_len: usize,
    /// How it is wrapped.
    pub oaep: Oaep,
}

/// The choices of wrapping with agreement and AES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcdhAes {
    /// The length of the AES key in bytes.
    pub aes_len: usize,
    /// The hash of the key derivation function of ANSI X9.63; `None` takes the shared secret as it is.
    pub kdf: Option<Hash>,
    /// What both sides know.
    pub shared_data: Vec<u8>,
}

/// The length of an AES key of that many bits in bytes.
pub(super) const fn aes_len(bits: u32) -> Result<usize, CallError> {
    match bits {
        128 => Ok(16),
        192 => Ok(24),
        256 => Ok(32),
        _ => Err(CallError::Parameter),
    }
}

impl EcdhAesParameter {
    pub(super) fn check(self) -> Result<EcdhAes, CallError> {
        let Self { aes_bits, kdf, shared_data } = self;
        let ecdh = EcdhParameter { kdf, shared_data, public_data: Vec::new() }.check()?;
        let Ecdh { kdf, shared_data, .. } = ecdh;
        Ok(EcdhAes { aes_len: aes_len(aes_bits)?, kdf, shared_data })
    }
}

impl OaepParameter {
    pub(super) fn check(self) -> Result<Oaep, CallError> {
        Ok(Oaep {
            hash: Hash::from_ckm(self.hash).ok_or(CallError::Parameter)?,
            mgf: Hash::from_mgf(self.mgf).ok_or(CallError::Parameter)?,
            label: self.label,
        })
    }
}

impl ChaChaParameter {
    pub(super) fn check(self) -> Result<ChaCha, CallError> {
        let Self { block, block_bits, nonce } = self;
        match (block_bits, u32::try_from(block)) {
            (32, Ok(block)) => nonce.try_into().map(|nonce| ChaCha::Ietf { nonce, block }),
            (64, _) => nonce.try_into().map(|nonce| ChaCha::Original { nonce, block }),
            _ => return Err(CallError::Parameter),
        }
        .map_err(|_| CallError::Parameter)
    }
}

impl WrapIvParameter {
    pub(super) fn check(self, length: usize) -> Result<Vec<u8>, CallError> {
        if self.iv.len() == length { Ok(self.iv) } else { Err(CallError::Parameter) }
    }
}

impl HkdfParameter {
    /// `CKF_HKDF_SALT_NULL`.
    const SALT_NULL: u64 = 1;
    /// `CKF_HKDF_SALT_DATA`.
    const SALT_DATA: u64 = 2;
    /// `CKF_HKDF_SALT_KEY`.
    const SALT_KEY: u64 = 4;

    pub(super) fn check(self) -> Result<Hkdf, CallError> {
        let salt = match self.salt_kind {
            Self::SALT_NULL if self.salt.is_empty() => Salt::None,
            Self::SALT_DATA => Salt::Data(self.salt),
            Self::SALT_KEY if self.salt.is_empty() => {
                Salt::Key(u32::try_from(self.salt_key).map_err(|_| CallError::Parameter)?)
            }
            // The kind of a salt that is not used need not be said.
            0 if !self.extract && self.salt.is_empty() => Salt::None,
            _ => return Err(CallError::Parameter),
        };
        if !self.extract && !self.expand {
            return Err(CallError::Parameter);
        }
        let hash = Hash::from_ckm(self.hash).ok_or(CallError::Parameter)?;
        Ok(Hkdf { hash, extract: self.extract, expand: self.expand, salt, info: self.info })
    }
}

impl EcdhParameter {
    /// `CKD_NULL`.
    const KDF_NULL: u64 = 1;

    pub(super) fn check(self) -> Result<Ecdh, CallError> {
        let kdf = match self.kdf {
            // Nothing is derived, so that nothing can go into it (PKCS#11 3.1 section 6.3.17).
            Self::KDF_NULL if self.shared_data.is_empty() => None,
            Self::KDF_NULL => return Err(CallError::Parameter),
            number => Some(Hash::from_kdf(number).ok_or(CallError::Parameter)?),
        };
        Ok(Ecdh { kdf, shared_data: self.shared_data, public_data: self.public_data })
    }
}
