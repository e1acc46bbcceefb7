//! Private keys as they are wrapped: `PrivateKeyInfo` in DER, RFC 5208, with the keys of RFC 8017, RFC 5915 and
//! RFC 8410 inside.

use ::rsa::pkcs1::RsaPrivateKeyRef;
use der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef};
use der::{AnyRef, Decode, Encode, Sequence};
use pkcs8::{DecodePrivateKey, EncodePrivateKey, PrivateKeyInfoRef};
use spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use super::curve::{Curve, Group};
use super::public_key::{EC_PUBLIC_KEY, RSA_ENCRYPTION, SM2, algorithm_of, curve_of};
use super::{Components, Error, Generated, Key, KeySpec, Uses, import, import_rsa};

/// `ECPrivateKey` of RFC 5915 section 3.
#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", optional = "true")]
    parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

/// The `PrivateKeyInfo` of a private key in its form at rest.
///
/// # Errors
///
/// [`Error::Mechanism`] for a secret key, and for one that the standards above have no form for.
pub fn encode(spec: KeySpec, material: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let document = match spec {
        KeySpec::Rsa => {
            let parameters = Some(AnyRef::NULL);
            return info(AlgorithmIdentifierRef { oid: RSA_ENCRYPTION, parameters }, material);
        }
        KeySpec::Ec(curve) => return curve_info(curve, material),
        KeySpec::Sm2 => {
            ::sm2::SecretKey::from_slice(material).map_err(|_| Error::KeyInvalid)?.to_pkcs8_der()
        }
        KeySpec::Aes | KeySpec::AesXts | KeySpec::Sm4 | KeySpec::Secret => {
            return Err(Error::Mechanism);
        }
    };
    Ok(document.map_err(|_| Error::Internal)?.to_bytes())
}

fn info(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = OctetStringRef::new(key).map_err(|_| Error::Internal)?;
    let der = PrivateKeyInfoRef::new(algorithm, key).to_der();
    Ok(Zeroizing::new(der.map_err(|_| Error::Internal)?))
}

/// A scalar goes with its point (RFC 5915), a seed alone (RFC 8410 section 7).
fn curve_info(curve: Curve, material: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let secret = OctetStringRef::new(material).map_err(|_| Error::Internal)?;
    let inner = match curve.group() {
        Group::Prime(_) => {
            let key = Key::prepare(KeySpec::Ec(curve), material, Uses::NONE)?;
            let point = key.public().and_then(|public| public.point()).ok_or(Error::Internal)?;
            let public_key = Some(BitStringRef::from_bytes(&point).map_err(|_| Error::Internal)?);
            EcPrivateKey { version: 1, private_key: secret, parameters: None, public_key }.to_der()
        }
        Group::Edwards(_) | Group::Montgomery(_) => secret.to_der(),
    };
    info(algorithm_of(curve)?, &Zeroizing::new(inner.map_err(|_| Error::Internal)?))
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
    if let Some(curve) = curve_of(&info.algorithm)? {
        return on_curve(curve, &info);
    }
    match info.algorithm.oids() {
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

/// An `ECPrivateKey`, or a `CurvePrivateKey` of RFC 8410 section 7. Whatever it says of curve and point must be so.
fn on_curve(curve: Curve, info: &PrivateKeyInfoRef<'_>) -> Result<Generated, Error> {
    let inner = info.private_key.as_bytes();
    let (secret, inner_public) = match curve.group() {
        Group::Prime(_) => {
            let key = EcPrivateKey::from_der(inner).map_err(|_| Error::KeyInvalid)?;
            let named = key.parameters.map(|oid| oid.to_der().map_err(|_| Error::KeyInvalid));
            let is_named = named.transpose()?.is_none_or(|name| name == curve.ec_params());
            if key.version != 1 || !is_named || key.private_key.as_bytes().is_empty() {
                return Err(Error::KeyInvalid);
            }
            (key.private_key, key.public_key)
        }
        Group::Edwards(_) | Group::Montgomery(_) => {
            (<&OctetStringRef>::from_der(inner).map_err(|_| Error::KeyInvalid)?, None)
        }
    };
    let made = import(KeySpec::Ec(curve), secret.as_bytes())?;
    for given in [inner_public, info.public_key].into_iter().flatten() {
        let given = super::PublicKey::raw(curve, given.as_bytes().ok_or(Error::KeyInvalid)?)?;
        if made.public.as_ref() != Some(&given) {
            return Err(Error::KeyInvalid);
        }
    }
    Ok(made)
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
