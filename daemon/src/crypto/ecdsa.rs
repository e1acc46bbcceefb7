//! ECDSA on the NIST curves P-256, P-384 and P-521, FIPS 186-5.
//!
//! Signatures are r‖s. Nonces are those of RFC 6979 with fresh random bytes mixed in (section
//! 3.6), so neither a repeated message nor a bad random generator gives the key away.

use std::ops::Deref;

use coffer_protocol::mechanism::Hash;
use ecdsa::hazmat::{sign_prehashed_rfc6979, verify_prehashed};
use zeroize::Zeroizing;

pub use super::curve::Curve;
use super::fast::{self, EcdsaSigner};
use super::key::Uses;
use super::{Error, hash, random};

/// What ECDSA signs: the hash as an integer of the order's length.
///
/// A longer hash loses its right end (FIPS 186-5 section 6.4.1), a shorter one is a small number.
fn hash_to_order(hash: &[u8], order_len: usize) -> Vec<u8> {
    let mut integer = vec![0; order_len];
    let taken = &hash[..hash.len().min(order_len)];
    integer[order_len - taken.len()..].copy_from_slice(taken);
    integer
}

/// Hashes the input if the scheme says so; otherwise the input is the hash.
pub(super) fn prehash(scheme_hash: Option<Hash>, input: &[u8]) -> Result<Vec<u8>, Error> {
    match scheme_hash {
        Some(hash) => Ok(hash::digest(hash, input)),
        None if input.is_empty() || input.len() > 64 => Err(Error::DataLength),
        None => Ok(input.to_vec()),
    }
}

/// Makes a signature r‖s of the length of the order out of what PKCS#11 clients send: r and s of
/// equal length, possibly without their leading zeros.
fn full_length(signature: &[u8], order_len: usize) -> Result<Vec<u8>, Error> {
    let half = signature.len() / 2;
    if signature.is_empty() || half > order_len || !signature.len().is_multiple_of(2) {
        return Err(Error::SignatureLength);
    }
    let mut full = vec![0; 2 * order_len];
    full[order_len - half..order_len].copy_from_slice(&signature[..half]);
    full[2 * order_len - half..].copy_from_slice(&signature[half..]);
    Ok(full)
}

/// Makes the functions of one curve.
macro_rules! curve {
    ($curve:ident, $Name:ident, $module:ident, $Curve:ident, $Hash:ty, $len:literal) => {
        #[doc = concat!("ECDSA on ", stringify!($Curve), ".")]
        pub mod $curve {
            use $module::elliptic_curve::Generate;
            use $module::elliptic_curve::sec1::ToSec1Point;
            use $module::{PublicKey, SecretKey, $Curve};

            use super::*;

            /// A private key ready for use.
            pub struct Private {
                secret: SecretKey,
                signer: Option<EcdsaSigner>,
            }

            impl Private {
                /// Prepares a key.
                pub(in crate::crypto) fn new(secret: SecretKey, uses: Uses) -> Self {
                    let scalar = Zeroizing::new(secret.to_bytes());
                    let point = point(&secret.public_key());
                    let signer = if uses.sign {
                        EcdsaSigner::new(Curve::$Name, &scalar, &point)
                    } else {
                        None
                    };
                    Self { secret, signer }
                }

                /// Whether the second implementation signs with it.
                #[cfg(all(test, feature = "fast"))]
                pub(in crate::crypto) fn is_fast(&self) -> bool {
                    self.signer.is_some()
                }
            }

            impl Deref for Private {
                type Target = SecretKey;

                fn deref(&self) -> &SecretKey {
                    &self.secret
                }
            }

            /// A new secret scalar with its public point.
            pub(in crate::crypto) fn generate() -> Result<(Zeroizing<Vec<u8>>, PublicKey), Error> {
                let mut rng = getrandom::SysRng;
                let secret =
                    SecretKey::try_generate_from_rng(&mut rng).map_err(|_| Error::Entropy)?;
                let scalar = Zeroizing::new(secret.to_bytes());
                Ok((Zeroizing::new(scalar.to_vec()), secret.public_key()))
            }

            /// Parses a big-endian scalar, which may lack leading zeros or have more.
            pub(in crate::crypto) fn parse(scalar: &[u8]) -> Result<SecretKey, Error> {
                let start = scalar.iter().take_while(|byte| **byte == 0).count();
                let digits = &scalar[start..];
                if digits.len() > $len {
                    return Err(Error::KeyInvalid);
                }
                let mut full = Zeroizing::new([0; $len]);
                full[$len - digits.len()..].copy_from_slice(digits);
                SecretKey::from_slice(&*full).map_err(|_| Error::KeyInvalid)
            }

            /// The uncompressed public point, 04‖X‖Y.
            pub(in crate::crypto) fn point(key: &PublicKey) -> Vec<u8> {
                key.to_sec1_point(false).as_bytes().to_vec()
            }

            /// Signs a hash.
            pub(in crate::crypto) fn sign(key: &Private, hash: &[u8]) -> Result<Vec<u8>, Error> {
                let integer = hash_to_order(hash, $len);
                if let Some(signed) = key.signer.as_ref().and_then(|fast| fast.sign(&integer)) {
                    return signed;
                }
                let fresh: [u8; $len] = random::array()?;
                let (signature, _) = sign_prehashed_rfc6979::<$Curve, $Hash>(
                    &key.to_nonzero_scalar(),
                    &integer,
                    &fresh,
                );
                Ok(signature.to_bytes().to_vec())
            }

            /// Verifies a signature over a hash.
            pub(in crate::crypto) fn verify(
                key: &PublicKey,
                hash: &[u8],
                signature: &[u8],
            ) -> Result<(), Error> {
                let full = full_length(signature, $len)?;
                let integer = hash_to_order(hash, $len);
                let fast = fast::ecdsa_verify(Curve::$Name, &point(key), &integer, &full);
                fast.unwrap_or_else(|| verify_first(key, hash, &full))
            }

            /// Verifies with the first implementation.
            pub(in crate::crypto) fn verify_first(
                key: &PublicKey,
                hash: &[u8],
                signature: &[u8],
            ) -> Result<(), Error> {
                let full = full_length(signature, $len)?;
                let signature = ecdsa::Signature::<$Curve>::from_slice(&full)
                    .map_err(|_| Error::SignatureInvalid)?;
                let integer = hash_to_order(hash, $len);
                verify_prehashed(&key.to_projective(), &integer, &signature)
                    .map_err(|_| Error::SignatureInvalid)
            }
        }
    };
}

curve!(p256_curve, P256, p256, NistP256, sha2::Sha256, 32);
curve!(p384_curve, P384, p384, NistP384, sha2::Sha384, 48);
curve!(p521_curve, P521, p521, NistP521, sha2::Sha512, 66);
