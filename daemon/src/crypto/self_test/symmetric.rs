//! Known answers of ciphers with secret keys.

use coffer_protocol::mechanism::{
    CcmParameter, ChaCha, ChaChaPolyParameter, CtrParameter, GcmParameter, Parameter, Scheme,
};

use super::answers::{self, hex};
use crate::crypto::aead::Aead;
use crate::crypto::{self, Error, Key, KeySpec};

/// Encrypts and decrypts with a symmetric key and compares both ways.
pub(super) fn both_ways(
    spec: KeySpec,
    scheme: Scheme,
    parameter: &Parameter,
    [key, plaintext, ciphertext]: [&str; 3],
) -> Result<bool, Error> {
    let key = Key::parse(spec, &hex(key)?)?;
    let (plaintext, ciphertext) = (hex(plaintext)?, hex(ciphertext)?);
    Ok(crypto::encrypt(&key, scheme, parameter, &plaintext)? == ciphertext
        && *crypto::decrypt(&key, scheme, parameter, &ciphertext)? == plaintext)
}

pub(super) fn aes_cbc() -> Result<bool, Error> {
    let iv = Parameter::Iv(core::array::from_fn(|index| index.to_le_bytes()[0]));
    let mut right = true;
    for vector in answers::AES_CBC {
        right &= both_ways(KeySpec::Aes, Scheme::AesCbc, &iv, *vector)?;
    }
    Ok(right)
}

pub(super) fn feedback(scheme: Scheme, answer: [&str; 3]) -> Result<bool, Error> {
    let iv = Parameter::Iv(core::array::from_fn(|index| index.to_le_bytes()[0]));
    both_ways(KeySpec::Aes, scheme, &iv, answer)
}

pub(super) fn aes_cts() -> Result<bool, Error> {
    both_ways(KeySpec::Aes, Scheme::AesCts, &Parameter::Iv([0; 16]), answers::AES_CTS)
}

pub(super) fn aes_xts() -> Result<bool, Error> {
    let number = Parameter::Iv(0x12_3456_789a_u128.to_le_bytes());
    both_ways(KeySpec::AesXts, Scheme::AesXts, &number, answers::AES_XTS)
}

pub(super) fn chacha20() -> Result<bool, Error> {
    let ietf = Parameter::ChaCha(ChaCha::Ietf { nonce: [0; 12], block: 1 });
    let original = Parameter::ChaCha(ChaCha::Original { nonce: [0; 8], block: 1 });
    Ok(both_ways(KeySpec::Secret, Scheme::ChaCha20, &ietf, answers::CHACHA20)?
        && both_ways(KeySpec::Secret, Scheme::ChaCha20, &original, answers::CHACHA20)?)
}

pub(super) fn aes_ctr() -> Result<bool, Error> {
    let block = core::array::from_fn(|index| 0xf0 + index.to_le_bytes()[0]);
    let ctr = Parameter::Ctr(CtrParameter { bits: 128, block });
    let mut right = true;
    for vector in answers::AES_CTR {
        right &= both_ways(KeySpec::Aes, Scheme::AesCtr, &ctr, *vector)?;
    }
    Ok(right)
}

pub(super) fn aes_gcm() -> Result<bool, Error> {
    let (iv, aad) = (hex(answers::GCM_IV)?, hex(answers::GCM_AAD)?);
    let gcm = Parameter::Gcm(GcmParameter { iv, aad, tag_bits: 128 });
    let mut right = true;
    for vector in answers::AES_GCM {
        right &= both_ways(KeySpec::Aes, Scheme::AesGcm, &gcm, *vector)?;
    }
    Ok(right)
}

pub(super) fn aes_ccm() -> Result<bool, Error> {
    let (nonce, aad) = (hex(answers::CCM_NONCE)?, hex(answers::CCM_AAD)?);
    let ccm = Parameter::Ccm(CcmParameter { data_len: 4, nonce, aad, tag_len: 4 });
    both_ways(KeySpec::Aes, Scheme::AesCcm, &ccm, answers::AES_CCM)
}

pub(super) fn aes_cmac() -> Result<bool, Error> {
    let [key, message, code] = answers::AES_CMAC;
    let key = Key::parse(KeySpec::Aes, &hex(key)?)?;
    let made = crypto::sign(&key, Scheme::AesCmac, &Parameter::None, &hex(message)?)?;
    Ok(made == hex(code)?)
}

pub(super) fn key_wrap(scheme: Scheme, answer: [&str; 3]) -> Result<bool, Error> {
    both_ways(KeySpec::Aes, scheme, &Parameter::None, answer)
}

pub(super) fn chacha20_poly1305() -> Result<bool, Error> {
    let nonce = hex(answers::CHACHA_NONCE)?.try_into().map_err(|_| Error::Internal)?;
    let parameter = ChaChaPolyParameter { nonce, aad: hex(answers::CHACHA_AAD)? };
    let parameter = Parameter::ChaChaPoly(parameter);
    both_ways(KeySpec::Secret, Scheme::ChaCha20Poly1305, &parameter, answers::CHACHA20_POLY1305)
}

pub(super) fn sm4_gcm() -> Result<bool, Error> {
    let (iv, aad) = (hex(answers::SM4_IV)?, hex(answers::SM4_AAD)?);
    let gcm = Parameter::Gcm(GcmParameter { iv, aad, tag_bits: 128 });
    both_ways(KeySpec::Sm4, Scheme::Sm4Gcm, &gcm, answers::SM4_GCM)
}

/// The second implementation of GCM, against the same answers.
pub(super) fn aead() -> Result<bool, Error> {
    let aes = (Aead::Aes256Gcm, answers::AES_GCM[1], answers::GCM_IV, answers::GCM_AAD);
    let sm4 = (Aead::Sm4Gcm, answers::SM4_GCM, answers::SM4_IV, answers::SM4_AAD);
    let mut right = true;
    for (aead, [key, plaintext, ciphertext], iv, aad) in [aes, sm4] {
        let (key, aad, mut data) = (hex(key)?, hex(aad)?, hex(plaintext)?);
        let nonce = hex(iv)?.try_into().map_err(|_| Error::Internal)?;
        let mut tag = aead.seal(&key, &nonce, &aad, &mut data)?;
        right &= [data.as_slice(), &tag].concat() == hex(ciphertext)?;
        right &= aead.open(&key, &nonce, &aad, &mut data, &tag).is_ok();
        right &= data == hex(plaintext)?;
        tag[0] ^= 1;
        right &= aead.open(&key, &nonce, &aad, &mut data, &tag).is_err();
    }
    Ok(right)
}
