//! Public keys: `SubjectPublicKeyInfo` (RFC 5280, RFC 5480, RFC 8410, GM/T 0009) and the PKCS#11 attributes.

use ::rsa::RsaPublicKey;
use ::rsa::traits::PublicKeyParts;
use coffer_protocol::key_type::KeyType;
use der::asn1::{BitStringRef, ObjectIdentifier};
use der::{Decode, Encode};
use ed25519_dalek::VerifyingKey;
use spki::{AlgorithmIdentifierRef, DecodePublicKey, EncodePublicKey, SubjectPublicKeyInfoRef};

use super::ecdsa::{Curve, p256_curve, p384_curve, p521_curve};
use super::{Error, ecdh, ed25519, rsa_key, sm2};

pub(super) const RSA_ENCRYPTION: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
pub(super) const EC_PUBLIC_KEY: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
pub(super) const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
pub(super) const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
pub(super) const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
pub(super) const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
pub(super) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
pub(super) const SM2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.156.10197.1.301");

/// The public half of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA.
    Rsa(RsaPublicKey),
    /// On P-256.
    P256(p256::PublicKey),
    /// On P-384.
    P384(p384::PublicKey),
    /// On P-521.
    P521(p521::PublicKey),
    /// Ed25519.
    Ed25519(VerifyingKey),
    /// X25519.
    X25519(x25519_dalek::PublicKey),
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
        match curve {
            Curve::P256 => p256::PublicKey::from_sec1_bytes(point).map(Self::P256),
            Curve::P384 => p384::PublicKey::from_sec1_bytes(point).map(Self::P384),
            Curve::P521 => p521::PublicKey::from_sec1_bytes(point).map(Self::P521),
            Curve::Ed25519 => return ed25519::public(point).map(Self::Ed25519),
            Curve::X25519 => return ecdh::public(point).map(Self::X25519),
        }
        .map_err(|_| Error::KeyInvalid)
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
        let key = match info.algorithm.oids().map_err(|_| Error::KeyInvalid)? {
            (RSA_ENCRYPTION, None) => {
                let key = RsaPublicKey::from_public_key_der(der).map_err(|_| Error::KeyInvalid)?;
                return Self::rsa(&key.n_bytes(), &key.e_bytes());
            }
            (EC_PUBLIC_KEY, Some(P256)) => {
                p256::PublicKey::from_public_key_der(der).map(Self::P256)
            }
            (EC_PUBLIC_KEY, Some(P384)) => {
                p384::PublicKey::from_public_key_der(der).map(Self::P384)
            }
            (EC_PUBLIC_KEY, Some(P521)) => {
                p521::PublicKey::from_public_key_der(der).map(Self::P521)
            }
            (EC_PUBLIC_KEY, Some(SM2)) => ::sm2::PublicKey::from_public_key_der(der).map(Self::Sm2),
            (EC_PUBLIC_KEY, Some(_)) => return Err(Error::Curve),
            (ED25519, None) => {
                let point = info.subject_public_key.as_bytes().ok_or(Error::KeyInvalid)?;
                return ed25519::public(point).map(Self::Ed25519);
            }
            (X25519, None) => {
                let point = info.subject_public_key.as_bytes().ok_or(Error::KeyInvalid)?;
                return ecdh::public(point).map(Self::X25519);
            }
            _ => return Err(Error::KeyInvalid),
        };
        key.map_err(|_| Error::KeyInvalid)
    }

    /// The `SubjectPublicKeyInfo` in DER.
    pub fn to_spki(&self) -> Result<Vec<u8>, Error> {
        let document = match self {
            Self::Rsa(key) => key.to_public_key_der(),
            Self::P256(key) => key.to_public_key_der(),
            Self::P384(key) => key.to_public_key_der(),
            Self::P521(key) => key.to_public_key_der(),
            Self::Ed25519(key) => key.to_public_key_der(),
            Self::X25519(key) => return x25519_spki(key.as_bytes()).map_err(|_| Error::Internal),
            Self::Sm2(key) => key.to_public_key_der(),
        };
        Ok(document.map_err(|_| Error::Internal)?.into_vec())
    }

    /// The type of the key.
    pub const fn key_type(&self) -> KeyType {
        match self {
            Self::Rsa(_) => KeyType::Rsa,
            Self::P256(_) | Self::P384(_) | Self::P521(_) => KeyType::Ec,
            Self::Ed25519(_) => KeyType::EcEdwards,
            Self::X25519(_) => KeyType::EcMontgomery,
            Self::Sm2(_) => KeyType::Sm2,
        }
    }

    /// The size of the modulus or of the field in bits.
    pub fn bits(&self) -> usize {
        match self {
            Self::Rsa(key) => key.n().bits() as usize,
            Self::P256(_) | Self::Sm2(_) => 256,
            Self::P384(_) => 384,
            Self::P521(_) => 521,
            Self::Ed25519(_) | Self::X25519(_) => 255,
        }
    }

    /// The modulus and the exponent, big-endian without leading zeros; RSA only.
    pub fn rsa_numbers(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        match self {
            Self::Rsa(key) => Some((key.n_bytes().into_vec(), key.e_bytes().into_vec())),
            Self::P256(_)
            | Self::P384(_)
            | Self::P521(_)
            | Self::Ed25519(_)
            | Self::X25519(_)
            | Self::Sm2(_) => None,
        }
    }

    /// The curve the point lies on, if it is in the table of curves.
    pub const fn curve(&self) -> Option<Curve> {
        match self {
            Self::P256(_) => Some(Curve::P256),
            Self::P384(_) => Some(Curve::P384),
            Self::P521(_) => Some(Curve::P521),
            Self::Ed25519(_) => Some(Curve::Ed25519),
            Self::X25519(_) => Some(Curve::X25519),
            Self::Rsa(_) | Self::Sm2(_) => None,
        }
    }

    /// The point, uncompressed on NIST curves; not RSA.
    pub fn point(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(_) => None,
            Self::P256(key) => Some(p256_curve::point(key)),
            Self::P384(key) => Some(p384_curve::point(key)),
            Self::P521(key) => Some(p521_curve::point(key)),
            Self::Ed25519(key) => Some(key.to_bytes().to_vec()),
            Self::X25519(key) => Some(key.as_bytes().to_vec()),
            Self::Sm2(key) => Some(sm2::point(key)),
        }
    }
}

/// RFC 8410 section 4.
fn x25519_spki(point: &[u8]) -> der::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef { oid: X25519, parameters: None };
    let subject_public_key = BitStringRef::from_bytes(point)?;
    SubjectPublicKeyInfoRef { algorithm, subject_public_key }.to_der()
}
