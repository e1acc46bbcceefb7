//! Arithmetic on the curves over prime fields: one function of each kind for a curve, made of the crate that has it.
//!
//! All of these curves have the cofactor 1, so a point on the curve is one of the group.

use ecdsa::elliptic_curve::ecdh::diffie_hellman;
use ecdsa::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use ecdsa::elliptic_curve::{Curve, CurveArithmetic, PublicKey, SecretKey};
use ecdsa::hazmat::{sign_prehashed_rfc6979, verify_prehashed};
use ecdsa::{EcdsaCurve, Signature};
use sha2::Digest;
use sha2::digest::block_api::BlockSizeUser;
use zeroize::Zeroizing;

/// What the crates have of a curve.
pub(super) trait Prime:
    EcdsaCurve
    + Curve<FieldBytesSize: ModulusSize>
    + CurveArithmetic<AffinePoint: FromSec1Point<Self> + ToSec1Point<Self>>
{
}

impl<C> Prime for C where
    C: EcdsaCurve
        + Curve<FieldBytesSize: ModulusSize>
        + CurveArithmetic<AffinePoint: FromSec1Point<C> + ToSec1Point<C>>
{
}

/// The functions of a curve. Scalars are big-endian and as long as the order, points are 04‖X‖Y, signatures r‖s; what
/// is not gives `None` or `false`.
#[derive(Clone, Copy)]
pub(super) struct Arithmetic {
    /// The public point of a secret scalar; `None` for zero and what is not below the order.
    pub(super) public: fn(&[u8]) -> Option<Vec<u8>>,
    /// A point, given compressed or not, if it lies on the curve.
    pub(super) point: fn(&[u8]) -> Option<Vec<u8>>,
    /// Signs an integer with a scalar. The nonce is that of RFC 6979 with the last argument mixed in.
    pub(super) sign: fn(&[u8], &[u8], &[u8]) -> Option<Vec<u8>>,
    /// Whether a point verifies a signature over an integer, whichever of s and its complement the signature has.
    pub(super) verify: fn(&[u8], &[u8], &[u8]) -> bool,
    /// The X coordinate of a scalar's multiple of a point.
    pub(super) agree: fn(&[u8], &[u8]) -> Option<Zeroizing<Vec<u8>>>,
}

impl Arithmetic {
    /// The functions of a curve, with the hash that RFC 6979 makes nonces with.
    pub(super) const fn of<C: Prime, D: Digest + BlockSizeUser>() -> Self {
        Self {
            public: public::<C>,
            point: point::<C>,
            sign: sign::<C, D>,
            verify: verify::<C>,
            agree: agree::<C>,
        }
    }
}

fn public<C: Prime>(scalar: &[u8]) -> Option<Vec<u8>> {
    let secret = SecretKey::<C>::from_slice(scalar).ok()?;
    Some(uncompressed(&secret.public_key()))
}

fn point<C: Prime>(given: &[u8]) -> Option<Vec<u8>> {
    PublicKey::<C>::from_sec1_bytes(given).ok().as_ref().map(uncompressed)
}

fn uncompressed<C: Prime>(key: &PublicKey<C>) -> Vec<u8> {
    key.to_sec1_point(false).as_bytes().to_vec()
}

fn sign<C: Prime, D: Digest + BlockSizeUser>(
    scalar: &[u8],
    integer: &[u8],
    fresh: &[u8],
) -> Option<Vec<u8>> {
    let secret = SecretKey::<C>::from_slice(scalar).ok()?.to_nonzero_scalar();
    let (signature, _) = sign_prehashed_rfc6979::<C, D>(&secret, integer, fresh);
    Some(signature.to_bytes().to_vec())
}

fn verify<C: Prime>(point: &[u8], integer: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) =
        (PublicKey::<C>::from_sec1_bytes(point), Signature::<C>::from_slice(signature))
    else {
        return false;
    };
    // The crate of secp256k1 takes the smaller s only; FIPS 186-5 knows no such rule.
    let signature = if C::NORMALIZE_S { signature.normalize_s() } else { signature };
    verify_prehashed(&key.to_projective(), integer, &signature).is_ok()
}

fn agree<C: Prime>(scalar: &[u8], point: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let secret = SecretKey::<C>::from_slice(scalar).ok()?.to_nonzero_scalar();
    let other = PublicKey::<C>::from_sec1_bytes(point).ok()?;
    let shared = diffie_hellman(secret, other.as_affine());
    Some(Zeroizing::new(shared.raw_secret_bytes().to_vec()))
}
