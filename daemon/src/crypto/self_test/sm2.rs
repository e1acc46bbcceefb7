//! Known answers of SM2.

use coffer_protocol::mechanism::{Hash, Parameter, Scheme};

use super::answers::{self, hex};
use super::sign_and_verify;
use crate::crypto::{self, Error, Key, KeySpec, der_signature, sm2};

pub(super) fn sm2_sign() -> Result<bool, Error> {
    let key = Key::parse(KeySpec::Sm2, &hex(answers::SM2_SCALAR)?)?;
    let public = key.public().ok_or(Error::Internal)?;
    let signature = der_signature::to_der(&hex(answers::SM2_SIGNATURE)?)?;
    let scheme = Scheme::Sm2Dsa(Some(Hash::Sm3));
    let vector: [&[u8]; 2] = [b"message digest", &signature];
    sign_and_verify(&key, &public, scheme, &Parameter::None, vector)
}

pub(super) fn sm2_encrypt() -> Result<bool, Error> {
    let key = Key::parse(KeySpec::Sm2, &hex(answers::SM2_SCALAR)?)?;
    let known = crypto::sm2_decrypt(&key, sm2::Form::Raw, &hex(answers::SM2_CIPHERTEXT)?)?;
    let made = crypto::sm2_encrypt(&key, sm2::Form::Asn1, answers::SM2_MESSAGE)?;
    let own = crypto::sm2_decrypt(&key, sm2::Form::Asn1, &made)?;
    Ok(*known == answers::SM2_MESSAGE && *own == answers::SM2_MESSAGE)
}
