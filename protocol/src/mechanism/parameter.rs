//! Mechanism parameters: pointer-free on the wire, typed after parsing.
//!
//! On the wire a parameter is the postcard encoding of the structure its row names, with hashes
//! and mask generation functions as plain PKCS#11 numbers.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Hash;

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
    /// [`EdDsaParameter`], or none.
    EdDsa,
    /// [`EcdhParameter`].
    Ecdh,
}

/// The initialisation vector of a block mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IvParameter {
    /// One block.
    pub iv: [u8; 16],
}

/// `CK_GCM_PARAMS`, PKCS#11 3.1 section 6.13.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GcmParameter {
    /// The initialisation vector, 1 to 256 bytes; 12 is the length to choose.
    pub iv: Vec<u8>,
    /// Data that is authenticated but not encrypted.
    pub aad: Vec<u8>,
    /// The length of the tag in bits, 96 to 128.
    pub tag_bits: u32,
}

impl GcmParameter {
    /// The length of the tag in bytes.
    #[must_use]
    pub const fn tag_len(&self) -> usize {
        (self.tag_bits / 8) as usize
    }
}

/// `CK_AES_CTR_PARAMS`, PKCS#11 3.1 section 6.11.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CtrParameter {
    /// How many low bits of the block count, 1 to 128.
    pub bits: u32,
    /// The first counter block.
    pub block: [u8; 16],
}

/// `CK_RSA_PKCS_PSS_PARAMS`, PKCS#11 3.1 section 6.1.9.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PssParameter {
    /// The hash of the message, a `CKM_` number.
    pub hash: u64,
    /// The mask generation function, a `CKG_` number.
    pub mgf: u64,
    /// The length of the salt in bytes.
    pub salt_len: u64,
}

/// `CK_RSA_PKCS_OAEP_PARAMS`, PKCS#11 3.1 section 6.1.7.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OaepParameter {
    /// The hash of the label, a `CKM_` number.
    pub hash: u64,
    /// The mask generation function, a `CKG_` number.
    pub mgf: u64,
    /// The label, `pSourceData`; usually empty.
    pub label: Vec<u8>,
}

/// `CK_RSA_AES_KEY_WRAP_PARAMS`, PKCS#11 3.1 section 6.1.12.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RsaAesParameter {
    /// The size of the AES key in between, 128, 192 or 256.
    pub aes_bits: u32,
    /// How that key is wrapped.
    pub oaep: OaepParameter,
}

/// `CK_CCM_PARAMS`, PKCS#11 3.1 section 6.13.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CcmParameter {
    /// The length of the plaintext in bytes.
    pub data_len: u64,
    /// The nonce, 7 to 13 bytes.
    pub nonce: Vec<u8>,
    /// Data that is authenticated but not encrypted.
    pub aad: Vec<u8>,
    /// The length of the tag in bytes: 4, 6, … 16.
    pub tag_len: u32,
}

impl CcmParameter {
    fn is_possible(&self) -> bool {
        // SP 800-38C section 5.3: the length has the bytes that the nonce leaves.
        let bits = 8 * 15_usize.saturating_sub(self.nonce.len());
        (7..=13).contains(&self.nonce.len())
            && (bits >= 64 || self.data_len >> bits == 0)
            && (4..=16).contains(&self.tag_len)
            && self.tag_len.is_multiple_of(2)
    }
}

/// `CK_SALSA20_CHACHA20_POLY1305_PARAMS`, PKCS#11 3.1 section 6.60.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChaChaPolyParameter {
    /// The nonce.
    pub nonce: [u8; 12],
    /// Data that is authenticated but not encrypted.
    pub aad: Vec<u8>,
}

/// `CK_MAC_GENERAL_PARAMS`, PKCS#11 3.1 section 6.10.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MacLengthParameter {
    /// How many bytes of the code are wanted, at least 1.
    pub length: u32,
}

/// `CK_HKDF_PARAMS`, PKCS#11 3.1 section 6.63.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HkdfParameter {
    /// Whether to extract a pseudorandom key from the base key.
    pub extract: bool,
    /// Whether to expand.
    pub expand: bool,
    /// The hash, a `CKM_` number.
    pub hash: u64,
    /// Where the salt comes from: a `CKF_HKDF_SALT_` number.
    pub salt_kind: u64,
    /// The salt where it is data, at most 512 KiB.
    pub salt: Vec<u8>,
    /// The handle of the salt where it is a key.
    pub salt_key: u64,
    /// What the key is for.
    pub info: Vec<u8>,
}

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

/// `CK_EDDSA_PARAMS`, PKCS#11 3.1 section 6.3.16.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdDsaParameter {
    /// Whether the hash of the message is signed (Ed25519ph).
    pub prehash: bool,
    /// The context, at most 255 bytes; Ed25519ctx has at least one, and without prehash none means plain Ed25519.
    pub context: Vec<u8>,
}

/// `CK_ECDH1_DERIVE_PARAMS`, PKCS#11 3.1 section 6.3.17.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcdhParameter {
    /// What is made of the shared secret, a `CKD_` number.
    pub kdf: u64,
    /// What both sides know, for the key derivation function; at most 512 KiB.
    pub shared_data: Vec<u8>,
    /// The public point of the other side, raw or in an OCTET STRING.
    pub public_data: Vec<u8>,
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
    /// For EdDSA with a context or a prehash.
    EdDsa(EdDsaParameter),
    /// For Diffie-Hellman on a curve.
    Ecdh(Ecdh),
}

/// The longest accepted GCM initialisation vector.
const GCM_IV_MAX: usize = 256;
/// The longest context of EdDSA (RFC 8032 section 2).
const CONTEXT_MAX: usize = 255;
/// The longest salt that fits a 4096-bit modulus.
const PSS_SALT_MAX: u64 = 512;

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
                let aes_len = match aes_bits {
                    128 => 16,
                    192 => 24,
                    256 => 32,
                    _ => return Err(CallError::Parameter),
                };
                Parameter::RsaAes(RsaAes { aes_len, oaep: oaep.check()? })
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
            Self::EdDsa if wire.is_empty() => Parameter::None,
            Self::EdDsa => {
                let eddsa: EdDsaParameter = decode(wire)?;
                if eddsa.context.len() > CONTEXT_MAX {
                    return Err(CallError::Parameter);
                }
                // Neither a context nor a prehash could mean Ed25519ctx with an empty context, but RFC 8032
                // section 8.3 advises against that: clients that ask for it mean plain Ed25519.
                if !eddsa.prehash && eddsa.context.is_empty() {
                    return Ok(Parameter::None);
                }
                Parameter::EdDsa(eddsa)
            }
            Self::Ecdh => Parameter::Ecdh(decode::<EcdhParameter>(wire)?.check()?),
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
            | Self::EdDsa
            | Self::Ecdh => Ok(wire.to_vec()),
        }
    }
}

impl OaepParameter {
    fn check(self) -> Result<Oaep, CallError> {
        Ok(Oaep {
            hash: Hash::from_ckm(self.hash).ok_or(CallError::Parameter)?,
            mgf: Hash::from_mgf(self.mgf).ok_or(CallError::Parameter)?,
            label: self.label,
        })
    }
}

impl HkdfParameter {
    /// `CKF_HKDF_SALT_NULL`.
    const SALT_NULL: u64 = 1;
    /// `CKF_HKDF_SALT_DATA`.
    const SALT_DATA: u64 = 2;
    /// `CKF_HKDF_SALT_KEY`.
    const SALT_KEY: u64 = 4;

    fn check(self) -> Result<Hkdf, CallError> {
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

    fn check(self) -> Result<Ecdh, CallError> {
        let kdf = match self.kdf {
            // Nothing is derived, so that nothing can go into it (PKCS#11 3.1 section 6.3.17).
            Self::KDF_NULL if self.shared_data.is_empty() => None,
            Self::KDF_NULL => return Err(CallError::Parameter),
            number => Some(Hash::from_kdf(number).ok_or(CallError::Parameter)?),
        };
        Ok(Ecdh { kdf, shared_data: self.shared_data, public_data: self.public_data })
    }
}

/// Decodes a structure and refuses bytes behind it.
fn decode<T: DeserializeOwned>(wire: &[u8]) -> Result<T, CallError> {
    match postcard::take_from_bytes(wire) {
        Ok((value, [])) => Ok(value),
        _ => Err(CallError::Parameter),
    }
}
