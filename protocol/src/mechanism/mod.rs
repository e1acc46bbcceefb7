//! The mechanism table: one row per mechanism, read by the daemon and the PKCS#11 module alike.
//!
//! A row says what a mechanism is; how it is computed is the daemon's business. SM2, SM3 and SM4
//! have schemes but no rows: PKCS#11 gives them no numbers. Our own mechanisms have numbers from
//! `0xc853_0000` on, in the range that PKCS#11 leaves to vendors.

mod function;
mod hash;
mod output;
mod parameter;
mod table;

use serde::{Deserialize, Serialize};

pub use function::{Function, Functions};
pub use hash::Hash;
pub use output::{ENVELOPE_MAX, ENVELOPE_OVERHEAD, OutputLength};
pub use parameter::{
    BitParameter, CallError, CbcDataParameter, CcmParameter, ChaCha, ChaChaParameter,
    ChaChaPolyParameter, CtrParameter, DataParameter, Ecdh, EcdhAes, EcdhAesParameter,
    EcdhParameter, EdDsaParameter, EnvelopeParameter, GcmParameter, Hkdf, HkdfParameter,
    IvParameter, Kdf, KdfMode, KdfParameter, KdfSegment, KdfSegmentParameter, KeyParameter,
    MAX_ITERATIONS, MacLengthParameter, NumberFormat, Oaep, OaepParameter, Parameter,
    ParameterShape, Pbkdf2, Pbkdf2Parameter, Prf, Pss, PssParameter, RsaAes, RsaAesParameter, Salt,
    Tls, TlsExtendedMasterParameter, TlsKdfParameter, TlsKeys, TlsKeysParameter, TlsMac,
    TlsMacParameter, TlsMasterParameter, WrapIvParameter,
};
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

/// The algorithm behind a mechanism, with its fixed choices. The daemon computes by this alone.
///
/// Where a hash is optional, `None` means that the caller sends what is to be signed, hashed
/// already where the algorithm asks for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Makes an AES key.
    AesKeyGen,
    /// Makes a generic secret.
    GenericSecretKeyGen,
    /// Makes a secret for HMAC with this hash.
    HmacKeyGen(Hash),
    /// Makes a secret for HKDF.
    HkdfKeyGen,
    /// Makes an RSA pair.
    RsaKeyPairGen,
    /// Makes a pair on a named curve.
    EcKeyPairGen,
    /// Makes a ChaCha20 key.
    ChaCha20KeyGen,
    /// AES over whole blocks, each for itself, SP 800-38A.
    AesEcb,
    /// AES-CCM, SP 800-38C.
    AesCcm,
    /// AES-CMAC, SP 800-38B.
    AesCmac,
    /// AES key wrap, RFC 3394.
    AesKeyWrap,
    /// AES key wrap with padding, RFC 5649.
    AesKeyWrapPad,
    /// ChaCha20-Poly1305, RFC 8439.
    ChaCha20Poly1305,
    /// AES-CBC over whole blocks, SP 800-38A.
    AesCbc,
    /// AES-CBC with PKCS#7 padding.
    AesCbcPad,
    /// AES-CTR, SP 800-38A.
    AesCtr,
    /// AES-CBC with ciphertext stealing, CBC-CS1 of the addendum to SP 800-38A.
    AesCts,
    /// AES-CFB with segments of 8 bits, SP 800-38A.
    AesCfb8,
    /// AES-CFB with segments of 128 bits, SP 800-38A.
    AesCfb128,
    /// AES-OFB, SP 800-38A.
    AesOfb,
    /// XTS-AES, IEEE 1619.
    AesXts,
    /// Makes a key for XTS-AES.
    AesXtsKeyGen,
    /// ChaCha20 without authentication.
    ChaCha20,
    /// AES-GCM, SP 800-38D.
    AesGcm,
    /// RSASSA-PKCS1-v1_5 and RSAES-PKCS1-v1_5, RFC 8017; `None` signs data as it is.
    RsaPkcs1(Option<Hash>),
    /// RSA without padding.
    RsaRaw,
    /// RSAES-OAEP, RFC 8017.
    RsaOaep,
    /// An AES key under RSAES-OAEP, and the value under that by AES key wrap with padding.
    RsaAesKeyWrap,
    /// An AES key agreed on with a fresh pair, and the value under that by AES key wrap with padding.
    EcdhAesKeyWrap,
    /// The public half of a private key.
    PublicFromPrivate,
    /// RSASSA-PSS, RFC 8017.
    RsaPss(Option<Hash>),
    /// ECDSA, FIPS 186-5, with signatures r‖s.
    Ecdsa(Option<Hash>),
    /// EdDSA, RFC 8032.
    EdDsa,
    /// A digest.
    Digest(Hash),
    /// HMAC, FIPS 198-1.
    Hmac(Hash),
    /// HKDF, RFC 5869, that gives a key.
    Hkdf,
    /// HKDF that gives bytes which are no secret.
    HkdfData,
    /// Diffie-Hellman on an elliptic curve, SP 800-56A and RFC 7748, with or without a key derivation function.
    Ecdh,
    /// PBKDF2, RFC 8018.
    Pbkdf2,
    /// The base key and another, one behind the other.
    ConcatenateKeys,
    /// The base key, and bytes behind it.
    ConcatenateData,
    /// Bytes, and the base key behind them.
    ConcatenateBase,
    /// The base key and bytes, each bit of the one added to that of the other.
    XorData,
    /// Bits of the base key.
    ExtractBits,
    /// The digest of the base key.
    HashKey(Hash),
    /// Blocks encrypted with the base key, each for itself.
    AesEcbData,
    /// Blocks encrypted with the base key, chained.
    AesCbcData,
    /// Key derivation of SP 800-108.
    Kdf,
    /// The master secret of TLS 1.2, RFC 5246 section 8.1 or RFC 7627, from a premaster secret that begins with
    /// the version.
    TlsMaster,
    /// The same from a premaster secret of Diffie-Hellman.
    TlsMasterDh,
    /// The keys of a connection, RFC 5246 section 6.3.
    TlsKeys,
    /// Keys for other uses, RFC 5705.
    TlsKdf,
    /// The code at the end of a handshake, RFC 5246 section 7.4.9.
    TlsMac,
    /// SM2 signature, GB/T 32918.2, with signatures in DER; `Some(Sm3)` hashes the default
    /// identity and the message, `None` takes that hash.
    Sm2Dsa(Option<Hash>),
    /// SM2 encryption, GB/T 32918.4.
    Sm2Pke,
    /// SM4-GCM, RFC 8998.
    Sm4Gcm,
    /// What the KMS's Encrypt makes and its Decrypt takes: a ciphertext that names its key and version.
    CofferEnvelope,
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
