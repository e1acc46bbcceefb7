//! Private keys as PKCS #8 (RFC 5958): how pairs travel, wrapped.

use ::rsa::RsaPrivateKey;
use ::rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, SecretDocument};
use aes_kw::{KeyInit, KwpAes128, KwpAes192, KwpAes256};
use zeroize::Zeroizing;

use super::ecdsa::Curve;
use super::{Error, Generated, KeySpec, import, rsa_key};

/// The longest wrapped key in bytes; PKCS #8 of RSA-4096 has 2,374.
const MAX_WRAPPED: usize = 4 << 10;

/// The `PrivateKeyInfo` in DER of a pair in its form at rest.
pub fn to_pkcs8(spec: KeySpec, material: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let document: SecretDocument = match spec {
        KeySpec::Rsa => rsa_key::parse(material)?.to_pkcs8_der(),
        KeySpec::Ec(Curve::P256) => {
            p256::SecretKey::from_slice(material).map_err(|_| Error::KeyInvalid)?.to_pkcs8_der()
        }
        KeySpec::Ec(Curve::P384) => {
            p384::SecretKey::from_slice(material).map_err(|_| Error::KeyInvalid)?.to_pkcs8_der()
        }
        KeySpec::Sm2 => {
            ::sm2::SecretKey::from_slice(material).map_err(|_| Error::KeyInvalid)?.to_pkcs8_der()
        }
        _ => return Err(Error::Mechanism),
    }
    .map_err(|_| Error::Internal)?;
    Ok(document.to_bytes())
}

/// The pair of a `PrivateKeyInfo` in DER, which must be of this kind.
pub fn from_pkcs8(spec: KeySpec, der: &[u8]) -> Result<Generated, Error> {
    let invalid = |_| Error::KeyInvalid;
    let material = match spec {
        KeySpec::Rsa => rsa_key::encode(&RsaPrivateKey::from_pkcs8_der(der).map_err(invalid)?)?,
        KeySpec::Ec(Curve::P256) => {
            let key = p256::SecretKey::from_pkcs8_der(der).map_err(invalid)?;
            Zeroizing::new(key.to_bytes().to_vec())
        }
        KeySpec::Ec(Curve::P384) => {
            let key = p384::SecretKey::from_pkcs8_der(der).map_err(invalid)?;
            Zeroizing::new(key.to_bytes().to_vec())
        }
        KeySpec::Sm2 => {
            let key = ::sm2::SecretKey::from_pkcs8_der(der).map_err(invalid)?;
            Zeroizing::new(key.to_bytes().to_vec())
        }
        _ => return Err(Error::Mechanism),
    };
    // Read again in its form at rest, which checks it as any other.
    import(spec, &material)
}

/// Unwraps what was wrapped under an AES key with padding (RFC 5649).
pub fn unwrap_padded(key: &[u8], wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    if !(16..=MAX_WRAPPED).contains(&wrapped.len()) || !wrapped.len().is_multiple_of(8) {
        return Err(Error::EncryptedDataLength);
    }
    let mut value = Zeroizing::new(vec![0; wrapped.len()]);
    let opened = match key.len() {
        16 => KwpAes128::new_from_slice(key)
            .map(|key| key.unwrap_key(wrapped, &mut value).map(<[u8]>::len)),
        24 => KwpAes192::new_from_slice(key)
            .map(|key| key.unwrap_key(wrapped, &mut value).map(<[u8]>::len)),
        32 => KwpAes256::new_from_slice(key)
            .map(|key| key.unwrap_key(wrapped, &mut value).map(<[u8]>::len)),
        _ => return Err(Error::KeySize),
    };
    let length = opened.map_err(|_| Error::KeySize)?.map_err(|_| Error::EncryptedDataInvalid)?;
    value.truncate(length);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::key::{Generate, generate};

    #[test]
    fn a_pair_comes_back_as_it_went_and_only_as_its_own_kind() {
        let kinds = [Generate::Ec(Curve::P256), Generate::Ec(Curve::P384), Generate::Sm2];
        for what in kinds {
            let made = generate(what).unwrap();
            let der = to_pkcs8(made.spec, &made.material).unwrap();
            let back = from_pkcs8(made.spec, &der).unwrap();
            assert_eq!(*back.material, *made.material);
            assert_eq!(back.public, made.public);
            assert!(from_pkcs8(KeySpec::Rsa, &der).is_err());
            assert!(from_pkcs8(made.spec, &der[..der.len() - 1]).is_err());
        }
        assert_eq!(to_pkcs8(KeySpec::Aes, &[0; 32]).err(), Some(Error::Mechanism));
    }
}
