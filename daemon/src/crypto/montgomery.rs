//! X25519 and X448, RFC 7748. Scalars and points are little-endian and as long as the field.

use ed448_goldilocks::elliptic_curve::bigint::U448;
use ed448_goldilocks::elliptic_curve::scalar::FromUintUnchecked;
use ed448_goldilocks::{EdwardsScalar, MontgomeryPoint};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

/// The functions of a curve. They clamp the scalar when they use it (section 5); what has the wrong length gives
/// `None`. Every string as long as the field is a point.
pub(super) trait Arithmetic: Sync {
    /// The public point of a secret scalar.
    fn public(&self, scalar: &[u8]) -> Option<Vec<u8>>;

    /// A point's multiple, which may be zero.
    fn agree(&self, scalar: &[u8], point: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}

/// Curve25519.
pub(super) struct X25519;
/// Curve448.
pub(super) struct X448;

impl X25519 {
    fn secret(scalar: &[u8]) -> Option<StaticSecret> {
        let scalar = Zeroizing::new(<[u8; 32]>::try_from(scalar).ok()?);
        Some(StaticSecret::from(*scalar))
    }
}

impl Arithmetic for X25519 {
    fn public(&self, scalar: &[u8]) -> Option<Vec<u8>> {
        Some(PublicKey::from(&Self::secret(scalar)?).as_bytes().to_vec())
    }

    fn agree(&self, scalar: &[u8], point: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let point = PublicKey::from(<[u8; 32]>::try_from(point).ok()?);
        let shared = Self::secret(scalar)?.diffie_hellman(&point);
        Some(Zeroizing::new(shared.as_bytes().to_vec()))
    }
}

impl Arithmetic for X448 {
    fn public(&self, scalar: &[u8]) -> Option<Vec<u8>> {
        Some(multiple_448(scalar, &MontgomeryPoint::GENERATOR)?.to_vec())
    }

    fn agree(&self, scalar: &[u8], point: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        multiple_448(scalar, &MontgomeryPoint(point.try_into().ok()?))
    }
}

/// Section 5, with the ladder of the library, which takes all bits of a scalar as they are.
fn multiple_448(scalar: &[u8], point: &MontgomeryPoint) -> Option<Zeroizing<Vec<u8>>> {
    let mut clamped = Zeroizing::new(<[u8; 56]>::try_from(scalar).ok()?);
    clamped[0] &= 0xfc;
    clamped[55] |= 0x80;
    let mut number = U448::from_le_slice(&*clamped);
    let mut scalar = EdwardsScalar::from_uint_unchecked(number);
    let mut multiple = point * &scalar;
    number.zeroize();
    scalar.zeroize();
    let bytes = Zeroizing::new(multiple.as_bytes().to_vec());
    multiple.zeroize();
    Some(bytes)
}
