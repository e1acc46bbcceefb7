//! What comes wrapped from outside: unwrapped, checked and compared with what was imported first.

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeySpec;
use coffer_protocol::mechanism::{Hash, Parameter, Scheme};
use zeroize::Zeroizing;

use super::super::wrapped::oaep;
use crate::Error;
use crate::crypto::{self, Generate, Key, hmac, sm2};
use crate::object::{KeyMeta, ObjectId, cmk};

/// How material is wrapped. The numbers are part of the stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Algorithm {
    Pkcs1 = 1,
    OaepSha1 = 2,
    OaepSha256 = 3,
    AesKeyWrap = 4,
    Sm2 = 5,
}

const ALGORITHMS: [(&str, Algorithm); 5] = [
    ("RSAES_PKCS1_V1_5", Algorithm::Pkcs1),
    ("RSAES_OAEP_SHA_1", Algorithm::OaepSha1),
    ("RSAES_OAEP_SHA_256", Algorithm::OaepSha256),
    ("RSA_AES_KEY_WRAP_SHA_256", Algorithm::AesKeyWrap),
    ("SM2", Algorithm::Sm2),
];

impl Algorithm {
    pub(super) fn from_number(number: u8) -> Option<Self> {
        ALGORITHMS.iter().map(|row| row.1).find(|algorithm| *algorithm as u8 == number)
    }

    pub(super) const fn key(self) -> crypto::KeySpec {
        match self {
            Self::Pkcs1 | Self::OaepSha1 | Self::OaepSha256 | Self::AesKeyWrap => {
                crypto::KeySpec::Rsa
            }
            Self::Sm2 => crypto::KeySpec::Sm2,
        }
    }

    /// Unwraps. Called inside the vault.
    fn unwrap(self, key: &Key, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, crypto::Error> {
        match self {
            Self::Pkcs1 => unpad(&crypto::decrypt(key, Scheme::RsaRaw, &Parameter::None, wrapped)?),
            Self::OaepSha1 => crypto::decrypt(key, Scheme::RsaOaep, &oaep(Hash::Sha1), wrapped),
            Self::OaepSha256 => crypto::decrypt(key, Scheme::RsaOaep, &oaep(Hash::Sha256), wrapped),
            Self::AesKeyWrap => {
                let wrong = crypto::Error::EncryptedDataLength;
                let (first, rest) = wrapped.split_at_checked(key.bits() / 8).ok_or(wrong)?;
                let aes = crypto::decrypt(key, Scheme::RsaOaep, &oaep(Hash::Sha256), first)?;
                unwrap_padded(&aes, rest)
            }
            Self::Sm2 => crypto::sm2_decrypt(key, sm2::Form::Asn1, wrapped)
                .or_else(|_| crypto::sm2_decrypt(key, sm2::Form::Raw, wrapped)),
        }
    }
}

/// Takes the padding of PKCS #1 v1.5 off (RFC 8017 section 7.2.2). A wrong one is an error here: to replace it by
/// random bytes would import those. A token's few tries are no oracle.
fn unpad(padded: &[u8]) -> Result<Zeroizing<Vec<u8>>, crypto::Error> {
    let wrong = crypto::Error::EncryptedDataInvalid;
    let [0, 2, rest @ ..] = padded else { return Err(wrong) };
    let end = rest.iter().position(|byte| *byte == 0).filter(|end| *end >= 8).ok_or(wrong)?;
    Ok(Zeroizing::new(rest[end + 1..].to_vec()))
}

/// What a caller chose, and the key pair that it takes.
pub(super) fn parameters(algorithm: &str, spec: &str) -> Result<(Algorithm, Generate), Error> {
    let wrong = |field: &'static str| Error::about(ErrorCode::InvalidValue, field);
    let row = ALGORITHMS.iter().find(|row| row.0 == algorithm);
    let algorithm = row.ok_or_else(|| wrong("WrappingAlgorithm"))?.1;
    let spec = match (algorithm, KeySpec::from_name(spec)) {
        (Algorithm::Sm2, Some(spec @ KeySpec::Sm2)) => spec,
        (Algorithm::Sm2, _) => return Err(wrong("WrappingKeySpec")),
        (_, Some(spec @ (KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096))) => spec,
        _ => return Err(wrong("WrappingKeySpec")),
    };
    Ok((algorithm, cmk::generation_of(spec)))
}

/// Unwraps in one step, or in two: an AES key, and under it the private key.
pub(super) fn unwrap(
    algorithm: Algorithm,
    key: &Key,
    wrapped: &[u8],
    private: Option<&[u8]>,
) -> Result<Zeroizing<Vec<u8>>, crypto::Error> {
    let material = algorithm.unwrap(key, wrapped)?;
    match private {
        None => Ok(material),
        Some(private) if matches!(material.len(), 16 | 32) => unwrap_padded(&material, private),
        Some(_) => Err(crypto::Error::KeySize),
    }
}

/// What was wrapped under an AES key with padding (RFC 5649).
fn unwrap_padded(aes: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, crypto::Error> {
    let key = Key::parse(crypto::KeySpec::Aes, aes)?;
    crypto::decrypt(&key, Scheme::AesKeyWrapPad, &Parameter::None, wrapped)
}

/// The key of unwrapped bytes, if they are what the spec says.
pub(super) fn read(spec: KeySpec, bytes: &[u8]) -> Result<crypto::Generated, crypto::Error> {
    let kind = cmk::material_spec(spec);
    let Some(length) = spec.secret_length() else {
        let made = crypto::decode_private(bytes)?;
        if made.spec != kind {
            return Err(crypto::Error::KeyInvalid);
        }
        let bits = match spec {
            KeySpec::Rsa2048 => Some(2048),
            KeySpec::Rsa3072 => Some(3072),
            KeySpec::Rsa4096 => Some(4096),
            _ => None,
        };
        let has = made.public.as_ref().map(crypto::PublicKey::bits);
        return if bits.is_none() || has == bits { Ok(made) } else { Err(crypto::Error::KeySize) };
    };
    if bytes.len() == length { crypto::import(kind, bytes) } else { Err(crypto::Error::KeySize) }
}

/// 32 bytes of a key, and under it HMAC-SHA-256 of the key's id, its spec and the material. The key is that of the
/// first import, or random.
pub(super) fn fingerprint(
    first: &[u8],
    id: ObjectId,
    key: &KeyMeta,
    material: &[u8],
) -> Result<Vec<u8>, ErrorCode> {
    let secret = match first.first_chunk::<32>() {
        Some(secret) => *secret,
        None => crypto::random::array()?,
    };
    let mut mac = hmac::Mac::new(Hash::Sha256, &secret)?;
    mac.update(&id.0);
    mac.update(&[key.spec as u8]);
    mac.update(material);
    Ok([&secret[..], &mac.finish()].concat())
}
