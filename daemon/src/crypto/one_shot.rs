//! Signing, verifying, encrypting and decrypting in one call, by scheme.

use std::borrow::Cow;

use coffer_protocol::mechanism::{Hash, Parameter, Scheme};
use zeroize::{Zeroize, Zeroizing};

use super::aes::{self, BLOCK, BlockMode, Ctr};
use super::feedback::{self, Feedback, Way};
use super::mac::Mac;
use super::rsa::Padding;
use super::{Error, Half, Key, PublicKey, chacha, ecdsa, key_wrap, rsa, sm2, sm4};

/// Signs `input`: with HMAC, RSA, ECDSA (r‖s) or SM2 (DER).
pub fn sign(
    key: &Key,
    scheme: Scheme,
    parameter: &Parameter,
    input: &[u8],
) -> Result<Vec<u8>, Error> {
    if let Some(mut mac) = Mac::new(key, scheme, parameter)? {
        mac.update(input);
        return mac.finish();
    }
    match (scheme, key) {
        (Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash), Key::Rsa(key)) => {
            let data = rsa::prehash(hash, input);
            rsa::sign(key, padding(scheme, parameter)?, &data)
        }
        (Scheme::RsaRaw, Key::Rsa(key)) => rsa::raw_sign(key, input),
        (Scheme::Ecdsa(hash), Key::Ec(key)) => ecdsa::sign(key, &ecdsa::prehash(hash, input)?),
        (Scheme::EdDsa, Key::Ec(key)) => key.sign_eddsa(parameter, input),
        (Scheme::Sm2Dsa(hash), Key::Sm2(key)) => sm2::sign(key, sm2_input(hash)?, input),
        _ => Err(Error::Mechanism),
    }
}

/// Verifies a signature over `input`.
pub fn verify<'a>(
    key: impl Into<Half<'a>>,
    scheme: Scheme,
    parameter: &Parameter,
    input: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let key = key.into();
    if let Half::Secret(key) = key
        && let Some(mut mac) = Mac::new(key, scheme, parameter)?
    {
        mac.update(input);
        return mac.verify(signature);
    }
    match (scheme, &*public(key)?) {
        (Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash), PublicKey::Rsa(key)) => {
            let data = rsa::prehash(hash, input);
            rsa::verify(key, padding(scheme, parameter)?, &data, signature)
        }
        (Scheme::RsaRaw, PublicKey::Rsa(key)) => rsa::raw_verify(key, input, signature),
        (Scheme::Ecdsa(hash), PublicKey::Ec(key)) => {
            ecdsa::verify(key, &ecdsa::prehash(hash, input)?, signature)
        }
        (Scheme::EdDsa, PublicKey::Ec(key)) => key.verify_eddsa(parameter, input, signature),
        (Scheme::Sm2Dsa(hash), PublicKey::Sm2(key)) => {
            sm2::verify(key, sm2_input(hash)?, input, signature)
        }
        _ => Err(Error::Mechanism),
    }
}

/// Encrypts `input` into a new buffer.
pub fn encrypt<'a>(
    key: impl Into<Half<'a>>,
    scheme: Scheme,
    parameter: &Parameter,
    input: &[u8],
) -> Result<Vec<u8>, Error> {
    let key = key.into();
    match scheme {
        Scheme::RsaPkcs1(None) => rsa::pkcs1_encrypt(rsa_public(&*public(key)?)?, input),
        Scheme::RsaRaw => rsa::raw_encrypt(rsa_public(&*public(key)?)?, input),
        Scheme::RsaOaep => match parameter {
            Parameter::Oaep(oaep) => rsa::oaep_encrypt(rsa_public(&*public(key)?)?, oaep, input),
            _ => Err(Error::Parameter),
        },
        Scheme::Sm2Pke => sm2_encrypt(key, sm2::Form::Asn1, input),
        Scheme::AesKeyWrap => key_wrap::wrap(aes_key(key)?, initial(parameter)?, input),
        Scheme::AesKeyWrapPad => key_wrap::wrap_padded(aes_key(key)?, initial(parameter)?, input),
        _ => {
            let Half::Secret(key) = key else { return Err(Error::Mechanism) };
            let mut buffer = Vec::with_capacity(input.len() + BLOCK);
            buffer.extend_from_slice(input);
            buffer.resize(input.len() + BLOCK, 0);
            let length = encrypt_in_place(key, scheme, parameter, &mut buffer, input.len())?;
            buffer.truncate(length);
            Ok(buffer)
        }
    }
}

/// Decrypts `input` into a new buffer.
pub fn decrypt(
    key: &Key,
    scheme: Scheme,
    parameter: &Parameter,
    input: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let plaintext = match (scheme, key) {
        (Scheme::RsaPkcs1(None), Key::Rsa(key)) => rsa::pkcs1_decrypt(key, input)?,
        (Scheme::RsaRaw, Key::Rsa(key)) => rsa::raw_decrypt(key, input)?,
        (Scheme::RsaOaep, Key::Rsa(key)) => match parameter {
            Parameter::Oaep(oaep) => rsa::oaep_decrypt(key, oaep, input)?,
            _ => return Err(Error::Parameter),
        },
        (Scheme::Sm2Pke, Key::Sm2(key)) => sm2::decrypt(key, sm2::Form::Asn1, input)?,
        (Scheme::AesKeyWrap, Key::Aes(key)) => {
            return key_wrap::unwrap(key, initial(parameter)?, input);
        }
        (Scheme::AesKeyWrapPad, Key::Aes(key)) => {
            return key_wrap::unwrap_padded(key, initial(parameter)?, input);
        }
        _ => {
            let mut buffer = input.to_vec();
            let length = decrypt_in_place(key, scheme, parameter, &mut buffer)?;
            buffer.truncate(length);
            buffer
        }
    };
    Ok(Zeroizing::new(plaintext))
}

/// Encrypts the first `length` bytes of `buffer` in place with a symmetric key.
///
/// The buffer has room for the result (at most 16 bytes more); the result's length is returned.
pub fn encrypt_in_place(
    key: &Key,
    scheme: Scheme,
    parameter: &Parameter,
    buffer: &mut [u8],
    length: usize,
) -> Result<usize, Error> {
    if length > buffer.len() {
        return Err(Error::Internal);
    }
    match (scheme, key, parameter) {
        (Scheme::AesGcm, Key::Aes(key), Parameter::Gcm(gcm)) => {
            aes::gcm_encrypt(key, gcm, buffer, length)
        }
        (Scheme::Sm4Gcm, Key::Sm4(key), Parameter::Gcm(gcm)) => {
            sm4::gcm_encrypt(key, gcm, buffer, length)
        }
        (Scheme::AesCtr, Key::Aes(key), Parameter::Ctr(ctr)) => {
            Ctr::new(key, ctr)?.apply(&mut buffer[..length])?;
            Ok(length)
        }
        (Scheme::AesCcm, Key::Aes(key), Parameter::Ccm(ccm)) => {
            aes::ccm_encrypt(key, ccm, buffer, length)
        }
        (Scheme::ChaCha20Poly1305, Key::Secret(key), Parameter::ChaChaPoly(parameter)) => {
            chacha::encrypt(key, parameter, buffer, length)
        }
        (Scheme::AesEcb, Key::Aes(key), Parameter::None) => {
            if !length.is_multiple_of(BLOCK) {
                return Err(Error::DataLength);
            }
            BlockMode::ecb_encryptor(key).apply(&mut buffer[..length])?;
            Ok(length)
        }
        (Scheme::AesCbc, Key::Aes(key), Parameter::Iv(iv)) => {
            if !length.is_multiple_of(BLOCK) {
                return Err(Error::DataLength);
            }
            BlockMode::cbc_encryptor(key, iv).apply(&mut buffer[..length])?;
            Ok(length)
        }
        (Scheme::AesCbcPad, Key::Aes(key), Parameter::Iv(iv)) => {
            let length = aes::pad(buffer, length)?;
            BlockMode::cbc_encryptor(key, iv).apply(&mut buffer[..length])?;
            Ok(length)
        }
        (Scheme::AesCts, Key::Aes(key), Parameter::Iv(iv)) => {
            feedback::steal(key, Way::Encrypt, iv, &mut buffer[..length])?;
            Ok(length)
        }
        (Scheme::AesXts, Key::AesXts(key), Parameter::Iv(number)) => {
            key.apply(Way::Encrypt, number, &mut buffer[..length])?;
            Ok(length)
        }
        (
            Scheme::AesCfb8 | Scheme::AesCfb128 | Scheme::AesOfb,
            Key::Aes(key),
            Parameter::Iv(iv),
        ) => {
            Feedback::new(key, stream_kind(scheme)?, Way::Encrypt, iv).apply(&mut buffer[..length]);
            Ok(length)
        }
        (Scheme::ChaCha20, Key::Secret(key), Parameter::ChaCha(parameter)) => {
            chacha::Stream::new(key, parameter)?.apply(&mut buffer[..length])?;
            Ok(length)
        }
        _ => Err(mismatch(scheme, key)),
    }
}

/// Decrypts `buffer` in place with a symmetric key and returns the length of the plaintext.
///
/// After an error the buffer holds no plaintext.
pub fn decrypt_in_place(
    key: &Key,
    scheme: Scheme,
    parameter: &Parameter,
    buffer: &mut [u8],
) -> Result<usize, Error> {
    match (scheme, key, parameter) {
        (Scheme::AesGcm, Key::Aes(key), Parameter::Gcm(gcm)) => aes::gcm_decrypt(key, gcm, buffer),
        (Scheme::Sm4Gcm, Key::Sm4(key), Parameter::Gcm(gcm)) => sm4::gcm_decrypt(key, gcm, buffer),
        (Scheme::AesCtr, Key::Aes(key), Parameter::Ctr(ctr)) => {
            Ctr::new(key, ctr)?.apply(buffer).map_err(|_| Error::EncryptedDataLength)?;
            Ok(buffer.len())
        }
        (Scheme::AesCcm, Key::Aes(key), Parameter::Ccm(ccm)) => aes::ccm_decrypt(key, ccm, buffer),
        (Scheme::ChaCha20Poly1305, Key::Secret(key), Parameter::ChaChaPoly(parameter)) => {
            chacha::decrypt(key, parameter, buffer)
        }
        (Scheme::AesEcb, Key::Aes(key), Parameter::None) => {
            if !buffer.len().is_multiple_of(BLOCK) {
                return Err(Error::EncryptedDataLength);
            }
            BlockMode::ecb_decryptor(key).apply(buffer)?;
            Ok(buffer.len())
        }
        (Scheme::AesCbc, Key::Aes(key), Parameter::Iv(iv)) => {
            if !buffer.len().is_multiple_of(BLOCK) {
                return Err(Error::EncryptedDataLength);
            }
            BlockMode::cbc_decryptor(key, iv).apply(buffer)?;
            Ok(buffer.len())
        }
        (Scheme::AesCbcPad, Key::Aes(key), Parameter::Iv(iv)) => {
            if buffer.is_empty() || !buffer.len().is_multiple_of(BLOCK) {
                return Err(Error::EncryptedDataLength);
            }
            BlockMode::cbc_decryptor(key, iv).apply(buffer)?;
            let (rest, last) = buffer.split_last_chunk().ok_or(Error::Internal)?;
            match aes::unpad(last) {
                Ok(kept) => Ok(rest.len() + kept),
                Err(error) => {
                    buffer.zeroize();
                    Err(error)
                }
            }
        }
        (Scheme::AesCts, Key::Aes(key), Parameter::Iv(iv)) => {
            feedback::steal(key, Way::Decrypt, iv, buffer).map_err(of_decryption)?;
            Ok(buffer.len())
        }
        (Scheme::AesXts, Key::AesXts(key), Parameter::Iv(number)) => {
            key.apply(Way::Decrypt, number, buffer).map_err(of_decryption)?;
            Ok(buffer.len())
        }
        (
            Scheme::AesCfb8 | Scheme::AesCfb128 | Scheme::AesOfb,
            Key::Aes(key),
            Parameter::Iv(iv),
        ) => {
            Feedback::new(key, stream_kind(scheme)?, Way::Decrypt, iv).apply(buffer);
            Ok(buffer.len())
        }
        (Scheme::ChaCha20, Key::Secret(key), Parameter::ChaCha(parameter)) => {
            chacha::Stream::new(key, parameter)?.apply(buffer).map_err(of_decryption)?;
            Ok(buffer.len())
        }
        _ => Err(mismatch(scheme, key)),
    }
}

/// A length that no encryption takes is one that none gives.
const fn of_decryption(error: Error) -> Error {
    match error {
        Error::DataLength => Error::EncryptedDataLength,
        other => other,
    }
}

/// The mode of a scheme that makes a stream of AES by feedback.
pub(super) const fn stream_kind(scheme: Scheme) -> Result<feedback::Kind, Error> {
    match scheme {
        Scheme::AesCfb8 => Ok(feedback::Kind::Cfb8),
        Scheme::AesCfb128 => Ok(feedback::Kind::Cfb128),
        Scheme::AesOfb => Ok(feedback::Kind::Ofb),
        _ => Err(Error::Mechanism),
    }
}

/// The initial value of key wrap, where the caller gives one.
fn initial<const N: usize>(parameter: &Parameter) -> Result<Option<[u8; N]>, Error> {
    match parameter {
        Parameter::None => Ok(None),
        Parameter::WrapIv(iv) => iv.as_slice().try_into().map(Some).map_err(|_| Error::Parameter),
        _ => Err(Error::Parameter),
    }
}

/// Encrypts for the holder of an SM2 key, in the form asked for.
pub fn sm2_encrypt<'a>(
    key: impl Into<Half<'a>>,
    form: sm2::Form,
    input: &[u8],
) -> Result<Vec<u8>, Error> {
    match &*public(key.into())? {
        PublicKey::Sm2(key) => sm2::encrypt(key, form, input),
        _ => Err(Error::Mechanism),
    }
}

/// Decrypts what was encrypted for an SM2 key, from the form given.
pub fn sm2_decrypt(key: &Key, form: sm2::Form, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    match key {
        Key::Sm2(key) => sm2::decrypt(key, form, input).map(Zeroizing::new),
        _ => Err(Error::Mechanism),
    }
}

/// The public half, computed if need be.
pub(super) fn public(key: Half<'_>) -> Result<Cow<'_, PublicKey>, Error> {
    match key {
        Half::Public(key) => Ok(Cow::Borrowed(key)),
        Half::Secret(key) => key.public().map(Cow::Owned).ok_or(Error::Mechanism),
    }
}

fn aes_key(key: Half<'_>) -> Result<&aes::Aes, Error> {
    match key {
        Half::Secret(Key::Aes(key)) => Ok(key),
        Half::Secret(_) | Half::Public(_) => Err(Error::Mechanism),
    }
}

pub(super) fn rsa_public(key: &PublicKey) -> Result<&::rsa::RsaPublicKey, Error> {
    match key {
        PublicKey::Rsa(key) => Ok(key),
        PublicKey::Ec(_) | PublicKey::Sm2(_) => Err(Error::Mechanism),
    }
}

/// The padding of an RSA signature scheme.
pub(super) fn padding(scheme: Scheme, parameter: &Parameter) -> Result<Padding, Error> {
    match (scheme, parameter) {
        (Scheme::RsaPkcs1(None), _) => Ok(Padding::Pkcs1Plain),
        (Scheme::RsaPkcs1(Some(hash)), _) => Ok(Padding::Pkcs1(hash)),
        (Scheme::RsaPss(fixed), Parameter::Pss(pss)) if fixed.is_none_or(|h| h == pss.hash) => {
            Ok(Padding::Pss(*pss))
        }
        (Scheme::RsaPss(_), _) => Err(Error::Parameter),
        _ => Err(Error::Mechanism),
    }
}

/// What the SM2 scheme signs.
fn sm2_input(hash: Option<Hash>) -> Result<sm2::Input, Error> {
    match hash {
        Some(Hash::Sm3) => Ok(sm2::Input::Message),
        None => Ok(sm2::Input::Hash),
        Some(_) => Err(Error::Mechanism),
    }
}

/// Which of key and parameter does not fit a symmetric scheme.
pub(super) fn mismatch(scheme: Scheme, key: &Key) -> Error {
    let fits = match scheme {
        Scheme::AesEcb
        | Scheme::AesCbc
        | Scheme::AesCbcPad
        | Scheme::AesCtr
        | Scheme::AesCcm
        | Scheme::AesCts
        | Scheme::AesCfb8
        | Scheme::AesCfb128
        | Scheme::AesOfb
        | Scheme::AesGcm => matches!(key, Key::Aes(_)),
        Scheme::AesXts => matches!(key, Key::AesXts(_)),
        Scheme::ChaCha20Poly1305 | Scheme::ChaCha20 => matches!(key, Key::Secret(_)),
        Scheme::Sm4Gcm => matches!(key, Key::Sm4(_)),
        _ => false,
    };
    if fits { Error::Parameter } else { Error::Mechanism }
}
