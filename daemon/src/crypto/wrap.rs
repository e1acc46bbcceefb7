//! Wrapping the value of a key under a key, by scheme.

use ::rsa::traits::PublicKeyParts;
use coffer_protocol::mechanism::{CcmParameter, Parameter, RsaAes, Scheme};
use zeroize::Zeroizing;

use super::aes::Aes;
use super::{Error, Half, Key, key_wrap, one_shot, random, rsa};

/// Wraps the value of a key.
///
/// # Errors
///
/// [`Error::DataLength`] where the scheme does not take a value of that length.
pub fn wrap(
    key: Half<'_>,
    scheme: Scheme,
    parameter: &Parameter,
    value: &[u8],
) -> Result<Vec<u8>, Error> {
    match (scheme, parameter) {
        (Scheme::RsaAesKeyWrap, Parameter::RsaAes(between)) => envelop(key, between, value),
        (Scheme::RsaAesKeyWrap, _) => Err(Error::Parameter),
        (Scheme::AesCcm, Parameter::Ccm(ccm)) => {
            one_shot::encrypt(key, scheme, &of_length(ccm, value.len()), value)
        }
        _ => one_shot::encrypt(key, scheme, parameter, value),
    }
}

/// CCM fixes the length of what it takes. Who wraps a key need not know it, and says 0.
fn of_length(ccm: &CcmParameter, length: usize) -> Parameter {
    let data_len = if ccm.data_len == 0 { length as u64 } else { ccm.data_len };
    Parameter::Ccm(CcmParameter { data_len, ..ccm.clone() })
}

/// The value of the key that was wrapped.
///
/// # Errors
///
/// [`Error::EncryptedDataLength`] where `wrapped` has a length that no wrapping gives, and
/// [`Error::EncryptedDataInvalid`] where it is not what [`wrap`] gave.
pub fn unwrap(
    key: &Key,
    scheme: Scheme,
    parameter: &Parameter,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    match (scheme, parameter) {
        (Scheme::RsaAesKeyWrap, Parameter::RsaAes(between)) => open(key, between, wrapped),
        (Scheme::RsaAesKeyWrap, _) => Err(Error::Parameter),
        (Scheme::AesCcm, Parameter::Ccm(ccm)) => {
            one_shot::decrypt(key, scheme, &of_length(ccm, wrapped.len()), wrapped)
        }
        _ => one_shot::decrypt(key, scheme, parameter, wrapped),
    }
}

/// PKCS#11 3.1 section 6.1.12: a fresh AES key under OAEP, and the value under that.
fn envelop(key: Half<'_>, between: &RsaAes, value: &[u8]) -> Result<Vec<u8>, Error> {
    let public = one_shot::public(key)?;
    let mut fresh = Zeroizing::new(vec![0; between.aes_len]);
    random::fill(&mut fresh)?;
    let mut wrapped = rsa::oaep_encrypt(one_shot::rsa_public(&public)?, &between.oaep, &fresh)?;
    wrapped.extend(key_wrap::wrap_padded(&Aes::new(&fresh)?, None, value)?);
    Ok(wrapped)
}

fn open(key: &Key, between: &RsaAes, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let Key::Rsa(key) = key else { return Err(Error::Mechanism) };
    let (front, value) = wrapped.split_at_checked(key.size()).ok_or(Error::EncryptedDataLength)?;
    let fresh = Zeroizing::new(rsa::oaep_decrypt(key, &between.oaep, front)?);
    // Section 6.1.12 takes the length from what is inside; one that was not asked for is refused.
    if fresh.len() != between.aes_len {
        return Err(Error::EncryptedDataInvalid);
    }
    key_wrap::unwrap_padded(&Aes::new(&fresh)?, None, value)
}

#[cfg(test)]
mod tests {
    use coffer_protocol::mechanism::{Hash, Oaep};

    use super::*;
    use crate::crypto::{KeySpec, PublicKey};

    fn key() -> Key {
        let line = include_str!("../../tests/vectors/rsa2048.txt");
        let number = |name: &str| {
            let line = line.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            hex::decode(line.trim()).unwrap()
        };
        let made = crate::crypto::import_rsa(&crate::crypto::Components {
            modulus: &number("modulus "),
            public_exponent: &number("public_exponent "),
            private_exponent: &number("private_exponent "),
            ..Default::default()
        });
        Key::parse(KeySpec::Rsa, &made.unwrap().material).unwrap()
    }

    #[test]
    fn an_envelope_opens_with_its_key_and_parameter_only() {
        let key = key();
        let oaep = Oaep { hash: Hash::Sha256, mgf: Hash::Sha256, label: Vec::new() };
        let with = |aes_len| Parameter::RsaAes(RsaAes { aes_len, oaep: oaep.clone() });
        let public: PublicKey = key.public().unwrap();
        let scheme = Scheme::RsaAesKeyWrap;
        for (aes_len, length) in [(16, 1), (24, 32), (32, 1217)] {
            let value = vec![7; length];
            let wrapped = wrap((&public).into(), scheme, &with(aes_len), &value).unwrap();
            assert_eq!(wrapped.len(), 256 + length.next_multiple_of(8) + 8);
            let opened = unwrap(&key, scheme, &with(aes_len), &wrapped);
            assert_eq!(*opened.unwrap(), value);
            let other = unwrap(&key, scheme, &with(if aes_len == 16 { 32 } else { 16 }), &wrapped);
            assert_eq!(other, Err(Error::EncryptedDataInvalid));
            for at in [0, 255, 256, wrapped.len() - 1] {
                let mut changed = wrapped.clone();
                changed[at] ^= 1;
                let opened = unwrap(&key, scheme, &with(aes_len), &changed);
                assert_eq!(opened, Err(Error::EncryptedDataInvalid), "{at}");
            }
            for short in [0, 255, 256, wrapped.len() - 1] {
                let opened = unwrap(&key, scheme, &with(aes_len), &wrapped[..short]);
                assert_eq!(opened, Err(Error::EncryptedDataLength), "{short}");
            }
        }
    }
}
