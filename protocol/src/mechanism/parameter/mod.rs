//! Mechanism parameters: pointer-free on the wire, typed after parsing.
//!
//! On the wire a parameter is the postcard encoding of the structure its row names, with hashes
//! and mask generation functions as plain PKCS#11 numbers.

use serde::de::DeserializeOwned;

use super::{Hash, Scheme, Truncation};

mod choice;
mod kdf;
mod tls;
mod wire;

pub use choice::{ChaCha, Ecdh, EcdhAes, Hkdf, Oaep, Pss, RsaAes, Salt};
pub use kdf::{
    BitParameter, CbcDataParameter, DataParameter, Kdf, KdfMode, KdfParameter, KdfSegment,
    KdfSegmentParameter, KeyParameter, MAX_ITERATIONS, NumberFormat, Pbkdf2, Pbkdf2Parameter, Prf,
};
pub use tls::{
    Tls, TlsExtendedMasterParameter, TlsKdfParameter, TlsKeys, TlsKeysParameter, TlsMac,
    TlsMacParameter, TlsMasterParameter,
};
pub use wire::{
    CcmParameter, ChaChaParameter, ChaChaPolyParameter, CtrParameter, EcdhAesParameter,
    EcdhParameter, EdDsaParameter, EnvelopeParameter, GcmParameter, HkdfParameter, IvParameter,
    MacLengthParameter, OaepParameter, PssParameter, RsaAesParameter, TruncationParameter,
    WrapIvParameter,
};

/// Why a call does not describe something that can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// No mechanism has this number: `CKR_MECHANISM_INVALID`.
    Mechanism,
    /// The parameter does not fit the mechanism: `CKR_MECHANISM_PARAM_INVALID`.
    Parameter,
}

/// Which structure a mechanism's parameter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterShape {
    /// No parameter.
    None,
    /// [`IvParameter`].
    Iv,
    /// [`GcmParameter`].
    Gcm,
    /// [`CtrParameter`].
    Ctr,
    /// [`PssParameter`].
    Pss,
    /// [`OaepParameter`].
    Oaep,
    /// [`RsaAesParameter`].
    RsaAes,
    /// [`HkdfParameter`].
    Hkdf,
    /// [`CcmParameter`].
    Ccm,
    /// [`ChaChaPolyParameter`].
    ChaChaPoly,
    /// [`MacLengthParameter`].
    MacLength,
    /// [`TruncationParameter`].
    Truncation,
    /// [`EdDsaParameter`], or none.
    EdDsa,
    /// [`EcdhParameter`].
    Ecdh,
    /// [`EnvelopeParameter`], or none.
    Envelope,
    /// [`EcdhAesParameter`].
    EcdhAes,
    /// [`ChaChaParameter`].
    ChaCha,
    /// [`WrapIvParameter`] of 8 bytes, or none.
    WrapIv,
    /// [`WrapIvParameter`] of 4 bytes, or none.
    PaddedWrapIv,
    /// [`KeyParameter`].
    Key,
    /// [`DataParameter`].
    Data,
    /// [`BitParameter`].
    Bit,
    /// [`CbcDataParameter`].
    CbcData,
    /// [`KdfParameter`] in counter mode.
    KdfCounter,
    /// [`KdfParameter`] in feedback mode.
    KdfFeedback,
    /// [`KdfParameter`] in double-pipeline mode.
    KdfPipeline,
    /// [`Pbkdf2Parameter`].
    Pbkdf2,
    /// [`TlsMasterParameter`].
    TlsMaster,
    /// [`TlsExtendedMasterParameter`].
    TlsExtendedMaster,
    /// [`TlsKeysParameter`].
    TlsKeys,
    /// [`TlsKdfParameter`].
    TlsKdf,
    /// [`TlsMacParameter`].
    TlsMac,
}

/// A parameter that was parsed and found possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// No parameter.
    None,
    /// An initialisation vector.
    Iv([u8; 16]),
    /// For Galois/counter mode.
    Gcm(GcmParameter),
    /// For counter mode.
    Ctr(CtrParameter),
    /// For RSA-PSS.
    Pss(Pss),
    /// For RSA-OAEP.
    Oaep(Oaep),
    /// For wrapping with RSA and AES.
    RsaAes(RsaAes),
    /// For HKDF.
    Hkdf(Hkdf),
    /// For CCM.
    Ccm(CcmParameter),
    /// For ChaCha20-Poly1305.
    ChaChaPoly(ChaChaPolyParameter),
    /// How many bytes of a code are wanted.
    MacLength(usize),
    /// How many bits SHA-512/t gives.
    Truncation(Truncation),
    /// For EdDSA with a context or a prehash.
    EdDsa(EdDsaParameter),
    /// For Diffie-Hellman on a curve.
    Ecdh(Ecdh),
    /// The encryption context of an envelope.
    Envelope(EnvelopeParameter),
    /// For wrapping with agreement and AES.
    EcdhAes(EcdhAes),
    /// For ChaCha20.
    ChaCha(ChaCha),
    /// The initial value of AES key wrap, in part or whole.
    WrapIv(Vec<u8>),
    /// The handle of a second key.
    Key(u32),
    /// Bytes that go into a key.
    Data(Vec<u8>),
    /// The bit of the base key with which the derived one begins.
    Bit(u64),
    /// Blocks to encrypt, and the initialisation vector.
    CbcData(CbcDataParameter),
    /// For SP 800-108, with its mode.
    Kdf(KdfMode, Kdf),
    /// For PBKDF2.
    Pbkdf2(Pbkdf2),
    /// For the pseudorandom function of TLS 1.2.
    Tls(Tls),
    /// For the keys of a connection.
    TlsKeys(TlsKeys),
    /// For a code at the end of a handshake.
    TlsMac(TlsMac),
}

/// The longest accepted GCM initialisation vector.
const GCM_IV_MAX: usize = 256;
/// The longest context of EdDSA (RFC 8032 section 2).
const CONTEXT_MAX: usize = 255;
/// The longest encryption context.
const ENVELOPE_CONTEXT_MAX: usize = 1024;
/// No modulus has room for a longer salt.
const PSS_SALT_MAX: u64 = 1024;

impl ParameterShape {
    /// Parses the wire form of a parameter of this shape.
    pub fn parse(self, wire: &[u8]) -> Result<Parameter, CallError> {
        Ok(match self {
            Self::None => {
                if !wire.is_empty() {
                    return Err(CallError::Parameter);
                }
                Parameter::None
            }
            Self::Iv => Parameter::Iv(decode::<IvParameter>(wire)?.iv),
            Self::Gcm => {
                let gcm: GcmParameter = decode(wire)?;
                let possible = (1..=GCM_IV_MAX).contains(&gcm.iv.len())
                    && (96..=128).contains(&gcm.tag_bits)
                    && gcm.tag_bits.is_multiple_of(8);
                possible.then_some(Parameter::Gcm(gcm)).ok_or(CallError::Parameter)?
            }
            Self::Ctr => {
                let ctr: CtrParameter = decode(wire)?;
                let possible = (1..=128).contains(&ctr.bits);
                possible.then_some(Parameter::Ctr(ctr)).ok_or(CallError::Parameter)?
            }
            Self::Pss => {
                let pss: PssParameter = decode(wire)?;
                let hash = Hash::from_ckm(pss.hash).ok_or(CallError::Parameter)?;
                let mgf = Hash::from_mgf(pss.mgf).ok_or(CallError::Parameter)?;
                if pss.salt_len > PSS_SALT_MAX {
                    return Err(CallError::Parameter);
                }
                let salt_len = usize::try_from(pss.salt_len).map_err(|_| CallError::Parameter)?;
                Parameter::Pss(Pss { hash, mgf, salt_len })
            }
            Self::Oaep => Parameter::Oaep(decode::<OaepParameter>(wire)?.check()?),
            Self::RsaAes => {
                let RsaAesParameter { aes_bits, oaep } = decode(wire)?;
                Parameter::RsaAes(RsaAes {
                    aes_len: choice::aes_len(aes_bits)?,
                    oaep: oaep.check()?,
                })
            }
            Self::Hkdf => Parameter::Hkdf(decode::<HkdfParameter>(wire)?.check()?),
            Self::Ccm => {
                let ccm: CcmParameter = decode(wire)?;
                let possible = ccm.is_possible();
                possible.then_some(Parameter::Ccm(ccm)).ok_or(CallError::Parameter)?
            }
            Self::ChaChaPoly => Parameter::ChaChaPoly(decode(wire)?),
            Self::MacLength => match decode::<MacLengthParameter>(wire)?.length {
                length @ 1..=64 => Parameter::MacLength(length as usize),
                _ => return Err(CallError::Parameter),
            },
            Self::Truncation => {
                let TruncationParameter { bits } = decode(wire)?;
                Parameter::Truncation(Truncation::new(bits).ok_or(CallError::Parameter)?)
            }
            Self::EdDsa | Self::Envelope | Self::WrapIv | Self::PaddedWrapIv if wire.is_empty() => {
                Parameter::None
            }
            Self::WrapIv => Parameter::WrapIv(decode::<WrapIvParameter>(wire)?.check(8)?),
            Self::PaddedWrapIv => Parameter::WrapIv(decode::<WrapIvParameter>(wire)?.check(4)?),
            Self::EcdhAes => Parameter::EcdhAes(decode::<EcdhAesParameter>(wire)?.check()?),
            Self::ChaCha => Parameter::ChaCha(decode::<ChaChaParameter>(wire)?.check()?),
            Self::EdDsa => {
                let eddsa: EdDsaParameter = decode(wire)?;
                if eddsa.context.len() > CONTEXT_MAX {
                    return Err(CallError::Parameter);
                }
                // Neither a context nor a prehash could mean Ed25519ctx with an empty context, but RFC 8032
                // section 8.3 advises against that: clients that ask for it mean plain Ed25519. Plain Ed448 is just
                // that.
                if !eddsa.prehash && eddsa.context.is_empty() {
                    return Ok(Parameter::None);
                }
                Parameter::EdDsa(eddsa)
            }
            Self::Ecdh => Parameter::Ecdh(decode::<EcdhParameter>(wire)?.check()?),
            Self::Envelope => {
                let envelope: EnvelopeParameter = decode(wire)?;
                // What is inside is for the daemon to read.
                let is_object =
                    envelope.context.starts_with('{') && envelope.context.ends_with('}');
                if !is_object || envelope.context.len() > ENVELOPE_CONTEXT_MAX {
                    return Err(CallError::Parameter);
                }
                Parameter::Envelope(envelope)
            }
            Self::Key => {
                let KeyParameter { key } = decode(wire)?;
                Parameter::Key(u32::try_from(key).map_err(|_| CallError::Parameter)?)
            }
            Self::Data => Parameter::Data(decode::<DataParameter>(wire)?.check()?),
            Self::Bit => Parameter::Bit(decode::<BitParameter>(wire)?.bit),
            Self::CbcData => Parameter::CbcData(decode(wire)?),
            Self::KdfCounter => kdf(wire, KdfMode::Counter)?,
            Self::KdfFeedback => kdf(wire, KdfMode::Feedback)?,
            Self::KdfPipeline => kdf(wire, KdfMode::DoublePipeline)?,
            Self::Pbkdf2 => Parameter::Pbkdf2(decode::<Pbkdf2Parameter>(wire)?.check()?),
            Self::TlsMaster => Parameter::Tls(decode::<TlsMasterParameter>(wire)?.check()?),
            Self::TlsExtendedMaster => {
                Parameter::Tls(decode::<TlsExtendedMasterParameter>(wire)?.check()?)
            }
            Self::TlsKeys => Parameter::TlsKeys(decode::<TlsKeysParameter>(wire)?.check()?),
            Self::TlsKdf => Parameter::Tls(decode::<TlsKdfParameter>(wire)?.check()?),
            Self::TlsMac => Parameter::TlsMac(decode::<TlsMacParameter>(wire)?.check()?),
        })
    }

    /// The wire form with each key that it names by a handle renamed.
    pub(super) fn with_keys(
        self,
        wire: &[u8],
        rename: impl Fn(u64) -> u64,
    ) -> Result<Vec<u8>, CallError> {
        match self {
            Self::Hkdf => {
                let mut hkdf: HkdfParameter = decode(wire)?;
                hkdf.salt_key = rename(hkdf.salt_key);
                postcard::to_stdvec(&hkdf).map_err(|_| CallError::Parameter)
            }
            Self::Key => {
                let KeyParameter { key } = decode(wire)?;
                let renamed = KeyParameter { key: rename(key) };
                postcard::to_stdvec(&renamed).map_err(|_| CallError::Parameter)
            }
            Self::None
            | Self::Iv
            | Self::Gcm
            | Self::Ctr
            | Self::Pss
            | Self::Oaep
            | Self::RsaAes
            | Self::Ccm
            | Self::ChaChaPoly
            | Self::MacLength
            | Self::Truncation
            | Self::EdDsa
            | Self::Ecdh
            | Self::Envelope
            | Self::EcdhAes
            | Self::ChaCha
            | Self::WrapIv
            | Self::PaddedWrapIv
            | Self::Data
            | Self::Bit
            | Self::CbcData
            | Self::KdfCounter
            | Self::KdfFeedback
            | Self::KdfPipeline
            | Self::Pbkdf2
            | Self::TlsMaster
            | Self::TlsExtendedMaster
            | Self::TlsKeys
            | Self::TlsKdf
            | Self::TlsMac => Ok(wire.to_vec()),
        }
    }
}

fn kdf(wire: &[u8], mode: KdfMode) -> Result<Parameter, CallError> {
    Ok(Parameter::Kdf(mode, decode::<KdfParameter>(wire)?.check(mode)?))
}

/// Decodes a structure and refuses bytes behind it.
fn decode<T: DeserializeOwned>(wire: &[u8]) -> Result<T, CallError> {
    match postcard::take_from_bytes(wire) {
        Ok((value, [])) => Ok(value),
        _ => Err(CallError::Parameter),
    }
}
