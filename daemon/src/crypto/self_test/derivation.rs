//! Known answers of key derivation.

use coffer_protocol::mechanism::{
    Hash, Kdf, KdfMode, KdfSegment, NumberFormat, Parameter, Pbkdf2, Prf, Scheme,
};

use super::answers::{self, hex};
use crate::crypto::{self, Base, Error, Key, KeySpec, kdf, tls};

pub(super) fn hkdf() -> Result<bool, Error> {
    let mut output = [0; 42];
    let (salt, info) = (hex(answers::HKDF_SALT)?, hex(answers::HKDF_INFO)?);
    kdf::hkdf(Hash::Sha256, &[0x0b; 22], &salt, &info, &mut output)?;
    Ok(output.as_slice() == hex(answers::HKDF_OUTPUT)?)
}

pub(super) fn pbkdf2() -> Result<bool, Error> {
    let salt = b"salt".to_vec();
    let once = Pbkdf2 { hash: Hash::Sha256, salt: salt.clone(), iterations: 1 };
    let twice = Pbkdf2 { hash: Hash::Sha1, salt, iterations: 2 };
    Ok(*crypto::pbkdf2(&once, b"passwd", 64)? == hex(answers::PBKDF2)?
        && *crypto::pbkdf2(&twice, b"password", 20)? == hex(answers::PBKDF2_TWICE)?)
}

const KDF_NUMBER: NumberFormat = NumberFormat { little_endian: false, bytes: 4 };

/// What is derived from a secret by SP 800-108 with HMAC-SHA-256: a counter behind `front`, a label, a zero, a
/// context, the length.
pub(super) fn kdf_hmac(
    mode: KdfMode,
    front: Option<KdfSegment>,
    answer: &str,
) -> Result<bool, Error> {
    let value: Vec<u8> = (0..32).collect();
    let key = Key::parse(KeySpec::Secret, &value)?;
    let answer = hex(answer)?;
    let rest = [
        KdfSegment::Counter(KDF_NUMBER),
        KdfSegment::Bytes(b"label\0context".to_vec()),
        KdfSegment::KeysLength(KDF_NUMBER),
    ];
    let iv = if front.is_some() { value.clone() } else { Vec::new() };
    let segments = front.into_iter().chain(rest).collect();
    let kdf = Parameter::Kdf(mode, Kdf { prf: Prf::Hmac(Hash::Sha256), segments, iv });
    let base = Base { key: &key, value: &value };
    Ok(*crypto::derive(base, None, Scheme::Kdf, &kdf, answer.len())? == answer)
}

pub(super) fn kdf_counter() -> Result<bool, Error> {
    kdf_hmac(KdfMode::Counter, None, answers::KDF_COUNTER)
}

pub(super) fn kdf_feedback() -> Result<bool, Error> {
    kdf_hmac(KdfMode::Feedback, Some(KdfSegment::Feedback), answers::KDF_FEEDBACK)
}

pub(super) fn kdf_pipeline() -> Result<bool, Error> {
    let [value, fixed, answer] = answers::KDF_PIPELINE;
    let (value, answer) = (hex(value)?, hex(answer)?);
    let key = Key::parse(KeySpec::Aes, &value)?;
    let segments =
        vec![KdfSegment::Feedback, KdfSegment::Counter(KDF_NUMBER), KdfSegment::Bytes(hex(fixed)?)];
    let kdf = Kdf { prf: Prf::AesCmac, segments, iv: Vec::new() };
    let parameter = Parameter::Kdf(KdfMode::DoublePipeline, kdf);
    let base = Base { key: &key, value: &value };
    Ok(*crypto::derive(base, None, Scheme::Kdf, &parameter, answer.len())? == answer)
}

pub(super) fn tls_prf() -> Result<bool, Error> {
    let (secret, seed) = (hex(answers::TLS_SECRET)?, hex(answers::TLS_SEED)?);
    let answer = hex(answers::TLS_RESULT)?;
    let made = tls::prf(Hash::Sha256, &secret, answers::TLS_LABEL, &seed, answer.len())?;
    Ok(*made == answer)
}
