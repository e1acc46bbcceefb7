//! The second implementation of the hot private-key operations: AWS-LC, feature `fast`.
//!
//! It makes RSA signatures and OAEP decryptions with equal hashes, makes and verifies ECDSA signatures on the NIST
//! curves, and does AES-GCM of long messages.
//! Whatever it does not do gives `None`, and the first implementation does it. Its memory is the vault's
//! ([`vault::aws_lc_is_ready`]).

use ::rsa::RsaPrivateKey;
use ::rsa::pkcs8::EncodePrivateKey;
use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::rsa::{self as aws, OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, ParsedPublicKey,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use coffer_protocol::mechanism::{GcmParameter, Hash, Oaep};
use zeroize::{Zeroize, Zeroizing};

use super::Error;
use super::ecdsa::Curve;
use super::rsa::Padding;
use crate::vault;

/// An RSA key that is ready to sign.
pub(super) struct RsaSigner(aws::KeyPair);

/// An RSA key that is ready to decrypt.
pub(super) struct RsaDecrypter(OaepPrivateDecryptingKey);

/// What it has of a curve.
struct Ecdsa {
    curve: Curve,
    signing: &'static EcdsaSigningAlgorithm,
    verification: &'static EcdsaVerificationAlgorithm,
    digest: &'static digest::Algorithm,
}

/// The curves that it is faster on.
#[rustfmt::skip]
static ECDSA: [Ecdsa; 3] = [
    Ecdsa { curve: Curve::P256, signing: &ECDSA_P256_SHA256_FIXED_SIGNING, verification: &ECDSA_P256_SHA256_FIXED, digest: &digest::SHA256 },
    Ecdsa { curve: Curve::P384, signing: &ECDSA_P384_SHA384_FIXED_SIGNING, verification: &ECDSA_P384_SHA384_FIXED, digest: &digest::SHA384 },
    Ecdsa { curve: Curve::P521, signing: &ECDSA_P521_SHA512_FIXED_SIGNING, verification: &ECDSA_P521_SHA512_FIXED, digest: &digest::SHA512 },
];

impl Ecdsa {
    fn on(curve: Curve) -> Option<&'static Self> {
        ECDSA.iter().find(|row| row.curve == curve)
    }
}

/// A key on a NIST curve that is ready to sign.
pub(super) struct EcdsaSigner {
    pair: EcdsaKeyPair,
    digest: &'static digest::Algorithm,
}

impl RsaSigner {
    /// Prepares a key.
    #[inline(never)]
    pub(super) fn new(key: &RsaPrivateKey) -> Option<Self> {
        aws::KeyPair::from_pkcs8(encoded(key)?.as_bytes()).ok().map(Self)
    }

    /// Signs a digest.
    pub(super) fn sign(&self, padding: Padding, data: &[u8]) -> Option<Result<Vec<u8>, Error>> {
        let (algorithm, encoding): (_, &'static dyn RsaEncoding) = match padding {
            Padding::Pkcs1(Hash::Sha256) => (&digest::SHA256, &RSA_PKCS1_SHA256),
            Padding::Pkcs1(Hash::Sha384) => (&digest::SHA384, &RSA_PKCS1_SHA384),
            Padding::Pkcs1(Hash::Sha512) => (&digest::SHA512, &RSA_PKCS1_SHA512),
            Padding::Pss(pss) if pss.mgf == pss.hash && pss.salt_len == pss.hash.len() => {
                match pss.hash {
                    Hash::Sha256 => (&digest::SHA256, &RSA_PSS_SHA256),
                    Hash::Sha384 => (&digest::SHA384, &RSA_PSS_SHA384),
                    Hash::Sha512 => (&digest::SHA512, &RSA_PSS_SHA512),
                    _ => return None,
                }
            }
            Padding::Pkcs1(_) | Padding::Pkcs1Plain | Padding::Pss(_) => return None,
        };
        if !vault::aws_lc_is_ready() {
            return None;
        }
        let digest = Digest::import_less_safe(data, algorithm).ok()?;
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = self.0.sign_digest(encoding, &digest, &mut signature);
        Some(signed.map(|()| signature).map_err(|_| Error::Internal))
    }
}

impl RsaDecrypter {
    /// Prepares a key.
    #[inline(never)]
    pub(super) fn new(key: &RsaPrivateKey) -> Option<Self> {
        let key = PrivateDecryptingKey::from_pkcs8(encoded(key)?.as_bytes()).ok()?;
        OaepPrivateDecryptingKey::new(key).ok().map(Self)
    }

    /// Decrypts a ciphertext as long as the modulus.
    pub(super) fn decrypt(&self, oaep: &Oaep, ciphertext: &[u8]) -> Option<Result<Vec<u8>, Error>> {
        let algorithm: &'static OaepAlgorithm = match (oaep.hash, oaep.mgf) {
            (Hash::Sha1, Hash::Sha1) => &aws::OAEP_SHA1_MGF1SHA1,
            (Hash::Sha256, Hash::Sha256) => &aws::OAEP_SHA256_MGF1SHA256,
            (Hash::Sha384, Hash::Sha384) => &aws::OAEP_SHA384_MGF1SHA384,
            (Hash::Sha512, Hash::Sha512) => &aws::OAEP_SHA512_MGF1SHA512,
            _ => return None,
        };
        if !vault::aws_lc_is_ready() {
            return None;
        }
        let mut plaintext = Zeroizing::new(vec![0; self.0.min_output_size()]);
        let label = (!oaep.label.is_empty()).then_some(oaep.label.as_slice());
        let done = self.0.decrypt(algorithm, ciphertext, &mut plaintext, label);
        let Ok(length) = done.map(|plaintext| plaintext.len()) else {
            return Some(Err(Error::EncryptedDataInvalid));
        };
        plaintext[length..].zeroize();
        plaintext.truncate(length);
        Some(Ok(std::mem::take(&mut plaintext)))
    }
}

impl EcdsaSigner {
    /// Prepares a big-endian scalar of the order's length with its uncompressed point.
    pub(super) fn new(curve: Curve, scalar: &[u8], point: &[u8]) -> Option<Self> {
        let Ecdsa { signing, digest, .. } = Ecdsa::on(curve)?;
        if !vault::aws_lc_is_ready() {
            return None;
        }
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, scalar, point).ok()?;
        Some(Self { pair, digest })
    }

    /// Signs a hash, given as an integer of the order's length or of fewer bytes; r‖s of full length.
    ///
    /// The algorithm is asked for by the hash of the order's length, whatever hash the integer came from:
    /// ECDSA takes no notice of where it came from.
    pub(super) fn sign(&self, integer: &[u8]) -> Option<Result<Vec<u8>, Error>> {
        if !vault::aws_lc_is_ready() {
            return None;
        }
        let digest = imported(self.digest, integer)?;
        let signature = self.pair.sign_digest(&digest);
        Some(signature.map(|made| made.as_ref().to_vec()).map_err(|_| Error::Internal))
    }
}

/// A public point on a NIST curve verifies a signature r‖s of full length over an integer as [`EcdsaSigner::sign`]
/// takes it. Nothing of it is secret, so it may be done anywhere.
pub(super) fn ecdsa_verify(
    curve: Curve,
    point: &[u8],
    integer: &[u8],
    signature: &[u8],
) -> Option<Result<(), Error>> {
    let Ecdsa { verification, digest, .. } = Ecdsa::on(curve)?;
    if !vault::aws_lc_is_there() {
        return None;
    }
    let digest = imported(digest, integer)?;
    let key = ParsedPublicKey::new(*verification, point).ok()?;
    Some(key.verify_digest_sig(&digest, signature).map_err(|_| Error::SignatureInvalid))
}

/// An AES key that is ready for long messages in GCM.
pub(super) struct BulkGcm(LessSafeKey);

impl BulkGcm {
    /// From here on it is worth its call.
    const LONG: usize = 16 << 10;

    /// Prepares a key.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            24 => &AES_192_GCM,
            32 => &AES_256_GCM,
            _ => return None,
        };
        if !vault::aws_lc_is_ready() {
            return None;
        }
        UnboundKey::new(algorithm, key).ok().map(LessSafeKey::new).map(Self)
    }

    /// Encrypts `data` in place and fills `tag`.
    pub(super) fn encrypt(
        &self,
        parameter: &GcmParameter,
        data: &mut [u8],
        tag: &mut [u8],
    ) -> Option<Result<(), Error>> {
        if data.len() < Self::LONG {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(&parameter.iv).ok()?;
        let aad = Aad::from(&parameter.aad);
        let Ok(made) = self.0.seal_in_place_separate_tag(nonce, aad, data) else {
            return Some(Err(Error::Internal));
        };
        tag.copy_from_slice(made.as_ref().get(..tag.len())?);
        Some(Ok(()))
    }

    /// Checks the tag at the end of `buffer` and decrypts what stands before it; of a wrong one nothing is left.
    pub(super) fn decrypt(
        &self,
        parameter: &GcmParameter,
        buffer: &mut [u8],
    ) -> Option<Result<(), Error>> {
        if buffer.len() < Self::LONG || parameter.tag_len() != AES_256_GCM.tag_len() {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(&parameter.iv).ok()?;
        let opened = self.0.open_in_place(nonce, Aad::from(&parameter.aad), buffer);
        if opened.is_ok() {
            return Some(Ok(()));
        }
        buffer.zeroize();
        Some(Err(Error::EncryptedDataInvalid))
    }
}

/// The hash of the order's length that stands for an integer of at most as many bytes, or of more that are zeros:
/// P-521 has an order longer than any hash, and what is not a hash may be as long as it.
fn imported(algorithm: &'static digest::Algorithm, integer: &[u8]) -> Option<Digest> {
    let length = algorithm.output_len();
    let mut padded = [0; 64];
    let padded = padded.get_mut(..length)?;
    let (zeros, kept) = integer.split_at(integer.len().saturating_sub(length));
    if zeros.iter().any(|byte| *byte != 0) {
        return None;
    }
    padded.get_mut(length - kept.len()..)?.copy_from_slice(kept);
    Digest::import_less_safe(padded, algorithm).ok()
}

/// The key in PKCS#8, if AWS-LC may be used.
fn encoded(key: &RsaPrivateKey) -> Option<::rsa::pkcs8::SecretDocument> {
    if vault::aws_lc_is_ready() { key.to_pkcs8_der().ok() } else { None }
}

#[cfg(test)]
mod tests;
