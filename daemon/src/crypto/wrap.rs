//! Wrapping the value of a key under a key, by scheme.

use ::rsa::traits::PublicKeyParts;
use coffer_protocol::mechanism::{CcmParameter, Ecdh, EcdhAes, Parameter, RsaAes, Scheme};
use zeroize::Zeroizing;

use super::aes::Aes;
use super::{Error, Generate, Half, Key, KeySpec, Uses, ecdh, key_wrap, one_shot, random, rsa};

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
        (Scheme::EcdhAesKeyWrap, Parameter::EcdhAes(between)) => agree(key, between, value),
        (Scheme::RsaAesKeyWrap | Scheme::EcdhAesKeyWrap, _) => Err(Error::Parameter),
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
        (Scheme::EcdhAesKeyWrap, Parameter::EcdhAes(between)) => agreed(key, between, wrapped),
        (Scheme::RsaAesKeyWrap | Scheme::EcdhAesKeyWrap, _) => Err(Error::Parameter),
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

/// PKCS#11 3.1 section 6.3.20: the point of a fresh pair, and the value under the AES key that it agrees on.
#[inline(never)]
fn agree(key: Half<'_>, between: &EcdhAes, value: &[u8]) -> Result<Vec<u8>, Error> {
    let public = one_shot::public(key)?;
    let (Some(curve), Some(point)) = (public.curve(), public.point()) else {
        return Err(Error::Mechanism);
    };
    let fresh = super::generate(Generate::Ec(curve))?;
    let private = Key::prepare(fresh.spec, &fresh.material, Uses::NONE)?;
    let secret = secret(&private, between, point)?;
    let mut wrapped = fresh.public.and_then(|fresh| fresh.point()).ok_or(Error::Internal)?;
    wrapped.extend(key_wrap::wrap_padded(&Aes::new(&secret)?, None, value)?);
    Ok(wrapped)
}

#[inline(never)]
fn agreed(key: &Key, between: &EcdhAes, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let KeySpec::Ec(curve) = key.spec() else { return Err(Error::Mechanism) };
    let split = wrapped.split_at_checked(curve.point_len());
    let (point, value) = split.ok_or(Error::EncryptedDataLength)?;
    let secret = secret(key, between, point.to_vec()).map_err(|error| match error {
        // What is no point on the curve was no point of anybody's.
        Error::Parameter => Error::EncryptedDataInvalid,
        other => other,
    })?;
    key_wrap::unwrap_padded(&Aes::new(&secret)?, None, value)
}

/// The AES key.
fn secret(key: &Key, between: &EcdhAes, point: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let EcdhAes { aes_len, kdf, shared_data } = between;
    let ecdh = Ecdh { kdf: *kdf, shared_data: shared_data.clone(), public_data: point };
    ecdh::derive(key, &ecdh, *aes_len)
}

#[cfg(test)]
mod tests {
    use coffer_protocol::mechanism::{Hash, Oaep};

    use super::*;
    use crate::crypto::PublicKey;
    use crate::crypto::ecdsa::Curve;
    use crate::crypto::recover::tests::key;

    #[test]
    fn what_was_agreed_on_opens_with_the_private_key_only() {
        for curve in Curve::all().filter(|curve| curve.agrees()) {
            let pair = || crate::crypto::generate(Generate::Ec(curve)).unwrap();
            let (own, other) = (pair(), pair());
            let key = Key::parse(own.spec, &own.material).unwrap();
            let stranger = Key::parse(other.spec, &other.material).unwrap();
            let public = own.public.unwrap();
            for (aes_len, kdf) in [(16, None), (24, Some(Hash::Sha1)), (32, Some(Hash::Sha512))] {
                let shared_data = if kdf.is_some() { b"both".to_vec() } else { Vec::new() };
                let between = Parameter::EcdhAes(EcdhAes { aes_len, kdf, shared_data });
                let scheme = Scheme::EcdhAesKeyWrap;
                for length in [1, 16, 133] {
                    let value = vec![7; length];
                    let wrapped = wrap((&public).into(), scheme, &between, &value).unwrap();
                    let expected = curve.point_len() + length.next_multiple_of(8) + 8;
                    assert_eq!(wrapped.len(), expected);
                    assert_eq!(*unwrap(&key, scheme, &between, &wrapped).unwrap(), value);
                    let invalid = Err(Error::EncryptedDataInvalid);
                    assert_eq!(unwrap(&stranger, scheme, &between, &wrapped), invalid);
                    for at in [0, 1, curve.point_len() - 2, curve.point_len(), expected - 1] {
                        let mut changed = wrapped.clone();
                        changed[at] ^= 1;
                        let opened = unwrap(&key, scheme, &between, &changed);
                        assert_eq!(opened, invalid, "{curve:?} {at}");
                    }
                    let short = &wrapped[..curve.point_len()];
                    let opened = unwrap(&key, scheme, &between, short);
                    assert_eq!(opened, Err(Error::EncryptedDataLength));
                }
            }
        }
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
