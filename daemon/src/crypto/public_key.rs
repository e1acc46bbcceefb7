//! Public keys: `SubjectPublicKeyInfo` (RFC 5280, RFC 5480, RFC 8410, GM/T 0009) and the PKCS#11 attributes.

use ::rsa::RsaPublicKey;
use ::rsa::traits::PublicKeyParts;
use coffer_protocol::key_type::KeyType;
use der::asn1::{BitStringRef, ObjectIdentifier};
use der::{AnyRef, Decode, Encode};
use spki::{AlgorithmIdentifierRef, DecodePublicKey, EncodePublicKey, SubjectPublicKeyInfoRef};

use super::curve::{Curve, Group};
use super::ec_key::Point;
use super::{Error, rsa_key, sm2};

pub(super) const RSA_ENCRYPTION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const SM2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// The public half of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA.
    Rsa(RsaPublicKey),
    /// On a named curve.
    Ec(Point),
    /// On the SM2 curve.
    Sm2(::sm2::PublicKey),
}

impl PublicKey {
    /// An RSA key from its big-endian modulus and exponent.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, Error> {
        rsa_key::public(modulus, exponent).map(Self::Rsa)
    }

    /// A key on a curve from its point as `CKA_EC_POINT` has it.
    ///
    /// See [`Curve::raw_point`]; the point must lie on the curve.
    pub fn ec(curve: Curve, point: &[u8]) -> Result<Self, Error> {
        let point = curve.raw_point(point)?;
        if curve.key_type() == KeyType::Ec && point[0] != 4 {
            return Err(Error::KeyInvalid);
        }
        Self::raw(curve, point)
    }

    /// A key on a curve from its point as certificates have it, which may be compressed (RFC 5480 section 2.2).
    pub(super) fn raw(curve: Curve, point: &[u8]) -> Result<Self, Error> {
        Point::new(curve, point).map(Self::Ec)
    }

    /// A key on the SM2 curve from its point 04‖X‖Y or X‖Y.
    pub fn sm2(point: &[u8]) -> Result<Self, Error> {
        let prefixed = match point.len() {
            64 => [&[4], point].concat(),
            65 if point[0] == 4 => point.to_vec(),
            _ => return Err(Error::KeyInvalid),
        };
        ::sm2::PublicKey::from_sec1_bytes(&prefixed).map(Self::Sm2).map_err(|_| Error::KeyInvalid)
    }

    /// Parses a `SubjectPublicKeyInfo` in DER.
    pub fn from_spki(der: &[u8]) -> Result<Self, Error> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| Error::KeyInvalid)?;
        if let Some(curve) = curve_of(&info.algorithm)? {
            let point = info.subject_public_key.as_bytes().ok_or(Error::KeyInvalid)?;
            return Self::raw(curve, point);
        }
        match info.algorithm.oids().map_err(|_| Error::KeyInvalid)? {
            (RSA_ENCRYPTION, None) => {
                let key = RsaPublicKey::from_public_key_der(der).map_err(|_| Error::KeyInvalid)?;
                Self::rsa(&key.n_bytes(), &key.e_bytes())
            }
            (EC_PUBLIC_KEY, Some(SM2)) => ::sm2::PublicKey::from_public_key_der(der)
                .map(Self::Sm2)
                .map_err(|_| Error::KeyInvalid),
            (EC_PUBLIC_KEY, Some(_)) => Err(Error::Curve),
            _ => Err(Error::KeyInvalid),
        }
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn to_spki(&self) -> Result<Vec<u8>, Error> {
        let document = match self {
            Self::Rsa(key) => key.to_public_key_der(),
            Self::Ec(point) => return point_spki(point),
            Self::Sm2(key) => key.to_public_key_der(),
        };
        Ok(document.map_err(|_| Error::Internal)?.into_vec())
    }

    /// The type of the key.
    pub fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa(_) => KeyType::Rsa,
            Self::Ec(point) => point.curve().key_type(),
            Self::Sm2(_) => KeyType::Sm2,
        }
    }

    /// The size of the modulus or of the field in bits.
    pub fn bits(&self) -> usize {
        match self {
            Self::Rsa(key) => key.n().bits() as usize,
            Self::Ec(point) => point.curve().bits(),
            Self::Sm2(_) => 256,
        }
    }

    /// The modulus and the exponent, big-endian without leading zeros; RSA only.
    pub fn rsa_numbers(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        match self {
            Self::Rsa(key) => Some((key.n_bytes().into_vec(), key.e_bytes().into_vec())),
            Self::Ec(_) | Self::Sm2(_) => None,
        }
    }

    /// The curve the point lies on, if it is in the table of curves.
    pub const fn curve(&self) -> Option<Curve> {
        match self {
            Self::Ec(point) => Some(point.curve()),
            Self::Rsa(_) | Self::Sm2(_) => None,
        }
    }

    /// The point, 04‖X‖Y or one coordinate; not RSA.
    pub fn point(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(_) => None,
            Self::Ec(point) => Some(point.bytes().to_vec()),
            Self::Sm2(key) => Some(sm2::point(key)),
        }
    }
}

/// The named curve that an algorithm is for, if it is in the table of curves: `id-ecPublicKey` with the curve as its
/// parameter (RFC 5480 section 2.1.1), or a curve by itself (RFC 8410 section 3).
///
/// # Errors
///
/// [`Error::KeyInvalid`] where a curve by itself has a parameter.
pub(super) fn curve_of(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Option<Curve>, Error> {
    if algorithm.oid == EC_PUBLIC_KEY {
        let named = algorithm.parameters.and_then(|parameters| parameters.to_der().ok());
        let curve = named.as_deref().and_then(Curve::from_identifier);
        return Ok(curve.filter(|curve| curve.key_type() == KeyType::Ec));
    }
    let curve = algorithm.oid.to_der().ok().as_deref().and_then(Curve::from_identifier);
    match curve.filter(|curve| curve.key_type() != KeyType::Ec) {
        Some(_) if algorithm.parameters.is_some() => Err(Error::KeyInvalid),
        curve => Ok(curve),
    }
}

/// The algorithm of keys on a curve.
pub(super) fn algorithm_of(curve: Curve) -> Result<AlgorithmIdentifierRef<'static>, Error> {
    let name = curve.ec_params();
    let algorithm = match curve.group() {
        Group::Prime(_) => AnyRef::from_der(name).map(|parameters| AlgorithmIdentifierRef {
            oid: EC_PUBLIC_KEY,
            parameters: Some(parameters),
        }),
        Group::Edwards(_) | Group::Montgomery(_) => ObjectIdentifier::from_der(name)
            .map(|oid| AlgorithmIdentifierRef { oid, parameters: None }),
    };
    algorithm.map_err(|_| Error::Internal)
}

fn point_spki(point: &Point) -> Result<Vec<u8>, Error> {
    let algorithm = algorithm_of(point.curve())?;
    let subject_public_key =
        BitStringRef::from_bytes(point.bytes()).map_err(|_| Error::Internal)?;
    let info = SubjectPublicKeyInfoRef { algorithm, subject_public_key };
    info.to_der().map_err(|_| Error::Internal)
}
