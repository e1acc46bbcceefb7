//! Private keys as they are wrapped: `PrivateKeyInfo` in DER, RFC 5208, with the keys of RFC 8017, RFC 5915 and
//! RFC 8410 inside.

use ::rsa::pkcs1::RsaPrivateKeyRef;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use der::{AnyRef, Decode, Encode};
use pkcs8::{DecodePrivateKey, EncodePrivateKey, PrivateKeyInfoRef};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::ecdsa::{Curve, p256_curve, p384_curve, p521_curve};
use super::public_key::{EC_PUBLIC_KEY, ED25519, P256, P384, P521, RSA_ENCRYPTION, SM2, X25519};
use super::{Components, Error, Generated, KeySpec, import, import_rsa};

/// The `PrivateKeyInfo` of a private key in its form at rest.
///
/// # Errors
///
/// [`Error::Mechanism`] for a secret key, and for one that the standards above have no form for.
pub fn encode(spec: KeySpec, material: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let document = match spec {
        KeySpec::Rsa => return info(RSA_ENCRYPTION, Some(AnyRef::NULL), material),
        KeySpec::Ec(Curve::P256) => p256_curve::parse(material)?.to_pkcs8_der(),
        KeySpec::Ec(Curve::P384) => p384_curve::parse(material)?.to_pkcs8_der(),
        KeySpec::Ec(Curve::P521) => p521_curve::parse(material)?.to_pkcs8_der(),
        KeySpec::Ec(curve @ (Curve::Ed25519 | Curve::X25519)) => {
            let oid = if curve == Curve::Ed25519 { ED25519 } else { X25519 };
            let seed = OctetStringRef::new(material).map_err(|_| Error::Internal)?;
            let seed = Zeroizing::new(seed.to_der().map_err(|_| Error::Internal)?);
            return info(oid, None, &seed);
        }
        KeySpec::Sm2 => {
            ::sm2::SecretKey::from_slice(material).map_err(|_| Error::KeyInvalid)?.to_pkcs8_der()
        }
        KeySpec::Aes | KeySpec::AesXts | KeySpec::Sm4 | KeySpec::Secret => {
            return Err(Error::Mechanism);
        }
    };
    Ok(document.map_err(|_| Error::Internal)?.to_bytes())
}

fn info(
    oid: ObjectIdentifier,
    parameters: Option<AnyRef<'_>>,
    key: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let algorithm = AlgorithmIdentifierRef { oid, parameters };
    let key = OctetStringRef::new(key).map_err(|_| Error::Internal)?;
    let der = PrivateKeyInfoRef::new(algorithm, key).to_der();
    Ok(Zeroizing::new(der.map_err(|_| Error::Internal)?))
}

/// The private key that a `PrivateKeyInfo` holds, checked.
///
/// # Errors
///
/// [`Error::Curve`] for other curves, [`Error::KeyInvalid`] or [`Error::KeySize`] for what is no key here.
pub fn decode(der: &[u8]) -> Result<Generated, Error> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| Error::KeyInvalid)?;
    let parameters = info.algorithm.parameters;
    if info.algorithm.oid == RSA_ENCRYPTION {
        // RFC 8017 appendix A.1 asks for NULL; some leave it out.
        let is_known = parameters.is_none_or(|parameters| parameters == AnyRef::NULL);
        return if is_known { rsa(info.private_key.as_bytes()) } else { Err(Error::KeyInvalid) };
    }
    let raw = match info.algorithm.oid {
        ED25519 => Some(Curve::Ed25519),
        X25519 => Some(Curve::X25519),
        _ => None,
    };
    if let Some(curve) = raw {
        return if parameters.is_none() { raw_key(curve, &info) } else { Err(Error::KeyInvalid) };
    }
    match info.algorithm.oids() {
        Ok((EC_PUBLIC_KEY, Some(P256))) => {
            let key = p256::SecretKey::from_pkcs8_der(der).map_err(|_| Error::KeyInvalid)?;
            import(KeySpec::Ec(Curve::P256), &Zeroizing::new(key.to_bytes())[..])
        }
        Ok((EC_PUBLIC_KEY, Some(P384))) => {
            let key = p384::SecretKey::from_pkcs8_der(der).map_err(|_| Error::KeyInvalid)?;
            import(KeySpec::Ec(Curve::P384), &Zeroizing::new(key.to_bytes())[..])
        }
        Ok((EC_PUBLIC_KEY, Some(P521))) => {
            let key = p521::SecretKey::from_pkcs8_der(der).map_err(|_| Error::KeyInvalid)?;
            import(KeySpec::Ec(Curve::P521), &Zeroizing::new(key.to_bytes())[..])
        }
        Ok((EC_PUBLIC_KEY, Some(SM2))) => {
            let key = ::sm2::SecretKey::from_pkcs8_der(der).map_err(|_| Error::KeyInvalid)?;
            import(KeySpec::Sm2, &Zeroizing::new(key.to_bytes())[..])
        }
        Ok((EC_PUBLIC_KEY, Some(_))) => Err(Error::Curve),
        _ => Err(Error::KeyInvalid),
    }
}

/// A PKCS#1 `RSAPrivateKey` from outside; its numbers are checked against each other.
fn rsa(der: &[u8]) -> Result<Generated, Error> {
    let key = RsaPrivateKeyRef::try_from(der).map_err(|_| Error::KeyInvalid)?;
    if key.other_prime_infos.is_some() {
        return Err(Error::KeyInvalid);
    }
    import_rsa(&Components {
        modulus: key.modulus.as_bytes(),
        public_exponent: key.public_exponent.as_bytes(),
        private_exponent: key.private_exponent.as_bytes(),
        primes: Some([key.prime1.as_bytes(), key.prime2.as_bytes()]),
        exponents: Some([key.exponent1.as_bytes(), key.exponent2.as_bytes()]),
        coefficient: Some(key.coefficient.as_bytes()),
    })
}

/// A `CurvePrivateKey` of RFC 8410 section 7.
fn raw_key(curve: Curve, info: &PrivateKeyInfoRef<'_>) -> Result<Generated, Error> {
    let seed = <&OctetStringRef>::from_der(info.private_key.as_bytes());
    let seed = seed.map_err(|_| Error::KeyInvalid)?.as_bytes();
    let made = import(KeySpec::Ec(curve), seed)?;
    let given = info.public_key.as_ref().map(der::asn1::BitStringRef::as_bytes);
    let own = made.public.as_ref().and_then(super::PublicKey::point);
    match given {
        Some(given) if given != own.as_deref() => Err(Error::KeyInvalid),
        _ => Ok(made),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::crypto::{Generate, generate};

    /// RFC 8410 section 10.3, without and with the public key.
    const ED25519_KEY: &str = "302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
    const ED25519_PAIR: &str = "3072020101300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842a01f301d060a2a864886f70d01090914310f0c0d437572646c6520436861697273812100 19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn keys_of_each_kind_come_back_from_their_own_form() {
        for curve in Curve::all() {
            let made = generate(Generate::Ec(curve)).unwrap();
            let info = encode(made.spec, &made.material).unwrap();
            let back = decode(&info).unwrap();
            assert_eq!((back.spec, &*back.material), (made.spec, &*made.material), "{curve:?}");
            assert!(back.public == made.public);
            let longer = [&info[..], &[0]].concat();
            assert!(decode(&longer).is_err() && decode(&info[..info.len() - 1]).is_err());
        }
        assert_eq!(encode(KeySpec::Aes, &[0; 16]), Err(Error::Mechanism));
    }

    #[test]
    fn the_edwards_key_of_the_standard_is_read_and_written() {
        let (key, pair) = (bytes(ED25519_KEY), bytes(ED25519_PAIR));
        let made = decode(&key).unwrap();
        assert_eq!(*made.material, key[16..]);
        assert_eq!(*encode(made.spec, &made.material).unwrap(), key);
        assert!(*decode(&pair).unwrap().material == key[16..]);
        let mut other = pair;
        *other.last_mut().unwrap() ^= 1;
        assert!(decode(&other).is_err());
    }

    #[test]
    fn a_point_that_is_not_the_keys_is_refused() {
        let made = generate(Generate::Ec(Curve::P256)).unwrap();
        let mut info = encode(made.spec, &made.material).unwrap();
        let start = info.windows(32).position(|window| window == &made.material[..]).unwrap();
        info[start + 31] ^= 1;
        assert_eq!(decode(&info).map(drop).err(), Some(Error::KeyInvalid));
    }

    proptest! {
        #[test]
        fn a_changed_or_invented_form_never_panics(
            noise in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..48, flip in 1_u8..
        ) {
            let _ = decode(&noise);
            let mut changed = bytes(ED25519_KEY);
            changed[at] ^= flip;
            let _ = decode(&changed);
        }
    }
}
