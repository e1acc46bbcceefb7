//! Arithmetic on the curves over prime fields: one function of each kind for a curve, made of the crate that has it.
//!
//! All of these curves have the cofactor 1, so a point on the curve is one of the group.

use std::marker::PhantomData;

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
pub(super) trait Arithmetic: Sync {
    /// The public point of a secret scalar; `None` for zero and what is not below the order.
    fn public(&self, scalar: &[u8]) -> Option<Vec<u8>>;

    /// A point, given compressed or not, if it lies on the curve.
    fn point(&self, given: &[u8]) -> Option<Vec<u8>>;

    /// Signs an integer. The nonce is that of RFC 6979 with fresh bytes mixed in.
    fn sign(&self, scalar: &[u8], integer: &[u8], fresh: &[u8]) -> Option<Vec<u8>>;

    /// Whether a signature over an integer verifies, whichever of s and its complement it has.
    fn verify(&self, point: &[u8], integer: &[u8], signature: &[u8]) -> bool;

    /// The X coordinate of a point's multiple.
    fn agree(&self, scalar: &[u8], point: &[u8]) -> Option<Zeroizing<Vec<u8>>>;
}

/// A curve by its crate, with the hash that RFC 6979 makes nonces with.
pub(super) struct By<C, D>(PhantomData<fn() -> (C, D)>);

impl<C, D> By<C, D> {
    /// The one value.
    pub(super) const IT: Self = Self(PhantomData);
}

impl<C: Prime, D: Digest + BlockSizeUser> Arithmetic for By<C, D> {
    fn public(&self, scalar: &[u8]) -> Option<Vec<u8>> {
        let secret = SecretKey::<C>::from_slice(scalar).ok()?;
        Some(uncompressed(&secret.public_key()))
    }

    fn point(&self, given: &[u8]) -> Option<Vec<u8>> {
        PublicKey::<C>::from_sec1_bytes(given).ok().as_ref().map(uncompressed)
    }

    fn sign(&self, scalar: &[u8], integer: &[u8], fresh: &[u8]) -> Option<Vec<u8>> {
        let secret = SecretKey::<C>::from_slice(scalar).ok()?.to_nonzero_scalar();
        let (signature, _) = sign_prehashed_rfc6979::<C, D>(&secret, integer, fresh);
        Some(signature.to_bytes().to_vec())
    }

    fn verify(&self, point: &[u8], integer: &[u8], signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) =
            (PublicKey::<C>::from_sec1_bytes(point), Signature::<C>::from_slice(signature))
        else {
            return false;
        };
        // The crate of secp256k1 takes the smaller s only; FIPS 186-5 knows no such rule.
        let signature = if C::NORMALIZE_S { signature.normalize_s() } else { signature };
        verify_prehashed(&key.to_projective(), integer, &signature).is_ok()
    }

    fn agree(&self, scalar: &[u8], point: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let secret = SecretKey::<C>::from_slice(scalar).ok()?.to_nonzero_scalar();
        let other = PublicKey::<C>::from_sec1_bytes(point).ok()?;
        let shared = diffie_hellman(secret, other.as_affine());
        Some(Zeroizing::new(shared.raw_secret_bytes().to_vec()))
    }
}

fn uncompressed<C: Prime>(key: &PublicKey<C>) -> Vec<u8> {
    key.to_sec1_point(false).as_bytes().to_vec()
}
