//! Known answers of RSA.

use coffer_protocol::mechanism::{Hash, Oaep, Parameter, Pss, Scheme};

use super::{answers, sign_and_verify};
use crate::crypto::{self, Error, Key, KeySpec, Uses};

pub(super) fn rsa_key(uses: Uses) -> Result<Key, Error> {
    Key::prepare(KeySpec::Rsa, &answers::rsa("key")?, uses)
}

pub(super) fn rsa_pkcs1_sign(uses: Uses) -> Result<bool, Error> {
    let scheme = Scheme::RsaPkcs1(Some(Hash::Sha256));
    let signature = crypto::sign(&rsa_key(uses)?, scheme, &Parameter::None, answers::RSA_MESSAGE)?;
    Ok(signature == answers::rsa("pkcs1_signature")?)
}

pub(super) fn rsa_pss(uses: Uses) -> Result<bool, Error> {
    let key = rsa_key(uses)?;
    let public = key.public().ok_or(Error::Internal)?;
    let pss = Parameter::Pss(Pss { hash: Hash::Sha256, mgf: Hash::Sha256, salt_len: 32 });
    let signature = answers::rsa("pss_signature")?;
    let vector = [answers::RSA_MESSAGE, &signature];
    sign_and_verify(&key, &public, Scheme::RsaPss(Some(Hash::Sha256)), &pss, vector)
}

pub(super) fn rsa_pkcs1_decrypt() -> Result<bool, Error> {
    let ciphertext = answers::rsa("pkcs1_ciphertext")?;
    let scheme = Scheme::RsaPkcs1(None);
    let plaintext = crypto::decrypt(&rsa_key(Uses::NONE)?, scheme, &Parameter::None, &ciphertext)?;
    Ok(*plaintext == answers::RSA_MESSAGE)
}

pub(super) fn rsa_oaep(uses: Uses) -> Result<bool, Error> {
    let oaep = Oaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: Vec::new() };
    let ciphertext = answers::rsa("oaep_ciphertext")?;
    let plaintext =
        crypto::decrypt(&rsa_key(uses)?, Scheme::RsaOaep, &Parameter::Oaep(oaep), &ciphertext)?;
    Ok(*plaintext == answers::RSA_MESSAGE)
}
