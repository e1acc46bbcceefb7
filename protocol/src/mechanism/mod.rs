//! The mechanism table: one row per mechanism, read by the daemon and the PKCS#11 module alike.
//!
//! A row says what a mechanism is; how it is computed is the daemon's business. SM2, SM3 and SM4
//! have schemes but no rows: PKCS#11 gives them no numbers. Our own mechanisms have numbers from
//! `0xc853_0000` on, in the range that PKCS#11 leaves to vendors.

mod function;
mod hash;
mod output;
mod parameter;
mod scheme;
mod table;

use serde::{Deserialize, Serialize};

pub use function::{Function, Functions};
pub use hash::{Hash, Truncation};
pub use output::{ENVELOPE_MAX, ENVELOPE_OVERHEAD, OutputLength, point_len};
pub use parameter::{
    BitParameter, CallError, CbcDataParameter, CcmParameter, ChaCha, ChaChaParameter,
    ChaChaPolyParameter, CtrParameter, DataParameter, Ecdh, EcdhAes, EcdhAesParameter,
    EcdhParameter, EdDsaParameter, EnvelopeParameter, GcmParameter, Hkdf, HkdfParameter,
    IvParameter, Kdf, KdfMode, KdfParameter, KdfSegment, KdfSegmentParameter, KeyParameter,
    MAX_ITERATIONS, MacLengthParameter, NumberFormat, Oaep, OaepParameter, Parameter,
    ParameterShape, Pbkdf2, Pbkdf2Parameter, Prf, Pss, PssParameter, RsaAes, RsaAesParameter, Salt,
    Tls, TlsExtendedMasterParameter, TlsKdfParameter, TlsKeys, TlsKeysParameter, TlsMac,
    TlsMacParameter, TlsMasterParameter, TruncationParameter, WrapIvParameter,
};
pub use scheme::Scheme;
pub use table::{ALL, ckm};

use crate::key_type::KeyType;

/// One row of the table.
#[derive(Debug)]
pub struct Mechanism {
    /// The `CKM_` number.
    pub ckm: u64,
    /// The `CKM_` name.
    pub name: &'static str,
    /// The algorithm with its fixed choices.
    pub scheme: Scheme,
    /// The key types it works with, or makes; empty for digests.
    pub key_types: &'static [KeyType],
    /// The key sizes it works with.
    pub key_size: KeySize,
    /// What may be done with it.
    pub functions: Functions,
    /// Whether data may come in parts.
    pub parts: Parts,
    /// The structure of its parameter.
    pub parameter: ParameterShape,
    /// How long its results are.
    pub output: OutputLength,
    /// How long it takes.
    pub cost: Cost,
}

impl Scheme {
    /// Whether a ciphertext carries a tag, so that nothing of it is decrypted before that is
    /// checked.
    #[must_use]
    pub const fn is_authenticated(self) -> bool {
        matches!(
            self,
            Self::AesGcm
                | Self::AesCcm
                | Self::ChaCha20Poly1305
                | Self::Sm4Gcm
                | Self::CofferEnvelope
        )
    }

    /// Whether nothing comes out before all data is there.
    #[must_use]
    pub fn is_held(self, function: Function) -> bool {
        // The end of what is stolen from decides on what stands before it; a data unit is encrypted whole.
        let is_whole = matches!(self, Self::AesCts | Self::AesXts);
        match function {
            Function::Encrypt | Function::Decrypt if is_whole => true,
            Function::Decrypt => self.is_authenticated(),
            Function::Encrypt => {
                matches!(self, Self::AesCcm | Self::ChaCha20Poly1305 | Self::CofferEnvelope)
            }
            _ => false,
        }
    }

    /// The length of the whole code of a scheme that makes one.
    const fn code_len(self) -> Option<usize> {
        match self {
            Self::Hmac(hash) => Some(hash.len()),
            Self::AesCmac => Some(16),
            _ => None,
        }
    }

    /// The hash function the scheme fixes.
    #[must_use]
    pub const fn hash(self) -> Option<Hash> {
        match self {
            Self::HmacKeyGen(hash)
            | Self::Digest(hash)
            | Self::Hmac(hash)
            | Self::HashKey(hash) => Some(hash),
            Self::RsaPkcs1(hash) | Self::RsaPss(hash) | Self::Ecdsa(hash) | Self::Sm2Dsa(hash) => {
                hash
            }
            Self::AesKeyGen
            | Self::GenericSecretKeyGen
            | Self::HmacSha512TKeyGen
            | Self::Sha512T
            | Self::HmacSha512T
            | Self::HashKeySha512T
            | Self::HkdfKeyGen
            | Self::ChaCha20KeyGen
            | Self::AesEcb
            | Self::AesCcm
            | Self::AesCmac
            | Self::AesKeyWrap
            | Self::AesKeyWrapPad
            | Self::ChaCha20Poly1305
            | Self::Hkdf
            | Self::HkdfData
            | Self::Ecdh
            | Self::RsaKeyPairGen
            | Self::EcKeyPairGen
            | Self::AesCbc
            | Self::AesCbcPad
            | Self::AesCtr
            | Self::AesCts
            | Self::AesCfb8
            | Self::AesCfb128
            | Self::AesOfb
            | Self::AesXts
            | Self::AesXtsKeyGen
            | Self::ChaCha20
            | Self::AesGcm
            | Self::RsaRaw
            | Self::RsaOaep
            | Self::RsaAesKeyWrap
            | Self::EcdhAesKeyWrap
            | Self::PublicFromPrivate
            | Self::EdDsa
            | Self::Sm2Pke
            | Self::Sm4Gcm
            | Self::CofferEnvelope
            | Self::Pbkdf2
            | Self::ConcatenateKeys
            | Self::ConcatenateData
            | Self::ConcatenateBase
            | Self::XorData
            | Self::ExtractBits
            | Self::AesEcbData
            | Self::AesCbcData
            | Self::Kdf
            | Self::TlsMaster
            | Self::TlsMasterDh
            | Self::TlsKeys
            | Self::TlsKdf
            | Self::TlsMac => None,
        }
    }
}

/// A range of key sizes, in the unit in which `C_GetMechanismInfo` reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySize {
    /// No key.
    None,
    /// From the first to the second number of bits.
    Bits(u32, u32),
    /// From the first to the second number of bytes.
    Bytes(u32, u32),
}

impl KeySize {
    /// The values of `ulMinKeySize` and `ulMaxKeySize`.
    #[must_use]
    pub const fn range(self) -> (u32, u32) {
        match self {
            Self::None => (0, 0),
            Self::Bits(low, high) | Self::Bytes(low, high) => (low, high),
        }
    }

    /// Whether a key of this many bits is in the range.
    #[must_use]
    pub fn contains_bits(self, bits: usize) -> bool {
        let (low, high) = self.range();
        let unit = match self {
            Self::None => return false,
            Self::Bits(..) => 1,
            Self::Bytes(..) => 8,
        };
        (u64::from(low) * unit..=u64::from(high) * unit).contains(&(bits as u64))
    }
}

/// Whether data may come in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// All data must come in one call.
    Single,
    /// Data may come in one call or in several, and goes to the daemon as one.
    Gathered,
    /// Data may come in one call or in several.
    Multi,
}

/// How long a use takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Microseconds.
    Cheap,
    /// Milliseconds or more, at least for private keys.
    Slow,
}

/// A mechanism with its parameter, as it crosses the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MechanismCall {
    /// The `CKM_` number.
    pub mechanism: u64,
    /// The postcard encoding of the structure the mechanism's row names; empty for none.
    pub parameter: Vec<u8>,
}

impl MechanismCall {
    /// A call without a parameter.
    #[must_use]
    pub const fn plain(mechanism: u64) -> Self {
        Self { mechanism, parameter: Vec::new() }
    }

    /// A call with one of the parameter structures, for instance [`GcmParameter`].
    pub fn with(mechanism: u64, parameter: &impl Serialize) -> Result<Self, CallError> {
        let parameter = postcard::to_stdvec(parameter).map_err(|_| CallError::Parameter)?;
        Ok(Self { mechanism, parameter })
    }

    /// The same call with each key that its parameter names by a handle renamed.
    pub fn with_keys(&self, rename: impl Fn(u64) -> u64) -> Result<Self, CallError> {
        let shape = find(self.mechanism).ok_or(CallError::Mechanism)?.parameter;
        let parameter = shape.with_keys(&self.parameter, rename)?;
        Ok(Self { mechanism: self.mechanism, parameter })
    }

    /// The row and the parameter this call names.
    pub fn parse(&self) -> Result<(&'static Mechanism, Parameter), CallError> {
        let mechanism = find(self.mechanism).ok_or(CallError::Mechanism)?;
        Ok((mechanism, mechanism.parse(&self.parameter)?))
    }
}

/// The row with this `CKM_` number.
#[must_use]
pub fn find(ckm: u64) -> Option<&'static Mechanism> {
    ALL.iter().find(|mechanism| mechanism.ckm == ckm)
}

impl Mechanism {
    /// The `flags` of `CK_MECHANISM_INFO`.
    #[must_use]
    pub fn info_flags(&self) -> u32 {
        /// `CKF_EC_F_P`, `CKF_EC_OID` and `CKF_EC_UNCOMPRESS`.
        const EC: u32 = 0x0010_0000 | 0x0080_0000 | 0x0100_0000;
        /// `CKF_EC_F_P`, `CKF_EC_OID` and `CKF_EC_CURVENAME`.
        const NAMED: u32 = 0x0010_0000 | 0x0080_0000 | 0x0400_0000;
        let curves = match self.key_types {
            [KeyType::Ec] => EC,
            [KeyType::EcEdwards | KeyType::EcMontgomery] => NAMED,
            [KeyType::Ec, KeyType::EcMontgomery] => EC | NAMED,
            _ => 0,
        };
        self.functions.bits() | self.message_flags() | curves
    }

    /// Whether messages, each with a parameter of its own, are encrypted under one key (PKCS#11 3.1 section 5.9).
    #[must_use]
    pub const fn takes_messages(&self) -> bool {
        matches!(
            self.parameter,
            ParameterShape::Gcm | ParameterShape::Ccm | ParameterShape::ChaChaPoly
        )
    }

    /// `CKF_MESSAGE_` bits, with `CKF_MULTI_MESSAGE` where a message may come in parts.
    fn message_flags(&self) -> u32 {
        const ENCRYPT: u32 = 2;
        const DECRYPT: u32 = 4;
        const SIGN: u32 = 8;
        const VERIFY: u32 = 16;
        const MULTI: u32 = 32;
        let does = |function| self.functions.contains(function);
        let multi = if self.parts == Parts::Single { 0 } else { MULTI };
        if self.takes_messages() && does(Function::Encrypt) {
            ENCRYPT | DECRYPT | multi
        } else if does(Function::Sign) {
            SIGN | VERIFY | multi
        } else {
            0
        }
    }

    /// Whether the mechanism works with keys of this type.
    #[must_use]
    pub fn fits(&self, key_type: KeyType) -> bool {
        self.key_types.contains(&key_type)
    }

    /// Whether a key of this size can be used with this parameter, as far as that shows before there is data.
    ///
    /// # Errors
    ///
    /// [`CallError::Parameter`] for a PSS salt that the modulus has no room for (RFC 8017 section 9.1.1 step 3).
    pub fn accepts(&self, parameter: &Parameter, key_bits: usize) -> Result<(), CallError> {
        let room = key_bits.saturating_sub(1).div_ceil(8);
        match parameter {
            Parameter::Pss(pss) if pss.hash.len() + pss.salt_len + 2 > room => {
                Err(CallError::Parameter)
            }
            _ => Ok(()),
        }
    }

    /// Parses the wire form of the parameter.
    ///
    /// The parameter of a hash-and-sign PSS mechanism must name the mechanism's own hash
    /// (PKCS#11 3.1 section 6.1.10).
    pub fn parse(&self, wire: &[u8]) -> Result<Parameter, CallError> {
        let parameter = self.parameter.parse(wire)?;
        match (&parameter, self.scheme.hash()) {
            (Parameter::Pss(pss), Some(hash)) if pss.hash != hash => Err(CallError::Parameter),
            (Parameter::MacLength(length), _) if self.scheme.code_len() < Some(*length) => {
                Err(CallError::Parameter)
            }
            _ => Ok(parameter),
        }
    }
}

#[cfg(test)]
mod tests;
