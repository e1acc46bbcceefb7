//! Ed25519, RFC 8032: plain, with a context (Ed25519ctx), and over the message's hash (Ed25519ph).
//!
//! The library has the plain scheme. The other two differ in what is hashed before everything else, and are
//! written here with its arithmetic.

use coffer_protocol::mechanism::{EdDsaParameter, Parameter};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signature, Signer as DalekSigner, SigningKey, VerifyingKey};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::{Arithmetic, Error, Signer};

/// The length of a seed, which is the private key, and of a public point in bytes.
const LEN: usize = 32;

/// The curve of Ed25519.
pub(in crate::crypto) struct Ed25519;

impl Arithmetic for Ed25519 {
    fn prepare(&self, seed: &[u8]) -> Result<Box<dyn Signer>, Error> {
        Ok(Box::new(SigningKey::try_from(seed).map_err(|_| Error::KeyInvalid)?))
    }

    fn is_point(&self, point: &[u8]) -> bool {
        key(point).is_some()
    }

    fn verify(
        &self,
        point: &[u8],
        parameter: &Parameter,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Error> {
        let signature = Signature::from_slice(signature).map_err(|_| Error::SignatureLength)?;
        let key = key(point).ok_or(Error::KeyInvalid)?;
        match parameter {
            Parameter::None => Ok(key.verify_strict(message, &signature).is_ok()),
            Parameter::EdDsa(eddsa) => verify_separated(&key, eddsa, message, &signature),
            _ => Err(Error::Parameter),
        }
    }
}

fn key(point: &[u8]) -> Option<VerifyingKey> {
    VerifyingKey::try_from(point).ok().filter(|key| !key.is_weak())
}

impl Signer for SigningKey {
    fn public(&self) -> Vec<u8> {
        self.verifying_key().to_bytes().to_vec()
    }

    fn sign(&self, parameter: &Parameter, message: &[u8]) -> Result<Vec<u8>, Error> {
        match parameter {
            Parameter::None => Ok(DalekSigner::sign(self, message).to_bytes().to_vec()),
            Parameter::EdDsa(eddsa) => sign_separated(self, eddsa, message),
            _ => Err(Error::Parameter),
        }
    }
}

/// `dom2` of RFC 8032 section 2, hashed.
fn domain(eddsa: &EdDsaParameter) -> Result<Sha512, Error> {
    let length = u8::try_from(eddsa.context.len()).map_err(|_| Error::Parameter)?;
    let domain = Sha512::new().chain_update(b"SigEd25519 no Ed25519 collisions");
    Ok(domain.chain_update([u8::from(eddsa.prehash), length]).chain_update(&eddsa.context))
}

/// PH of RFC 8032 section 5.1.
fn prehash(eddsa: &EdDsaParameter, message: &[u8]) -> Vec<u8> {
    if eddsa.prehash { Sha512::digest(message).to_vec() } else { message.to_vec() }
}

/// RFC 8032 section 5.1.6.
fn sign_separated(
    key: &SigningKey,
    eddsa: &EdDsaParameter,
    message: &[u8],
) -> Result<Vec<u8>, Error> {
    let (domain, message) = (domain(eddsa)?, Zeroizing::new(prehash(eddsa, message)));
    let expanded = Zeroizing::new(Sha512::digest(key.as_bytes()).to_vec());
    let nonce = domain.clone().chain_update(&expanded[LEN..]).chain_update(&*message);
    let mut nonce = Scalar::from_hash(nonce);
    let commitment = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
    let challenge = challenge(domain, &commitment, &key.verifying_key(), &message);
    let mut secret = key.to_scalar();
    let response = challenge * secret + nonce;
    secret.zeroize();
    nonce.zeroize();
    Ok([commitment, response.to_bytes()].concat())
}

/// RFC 8032 section 5.1.7, without the cofactor, as the plain scheme here.
fn verify_separated(
    key: &VerifyingKey,
    eddsa: &EdDsaParameter,
    message: &[u8],
    signature: &Signature,
) -> Result<bool, Error> {
    let domain = domain(eddsa)?;
    let Some(response) = Option::from(Scalar::from_canonical_bytes(*signature.s_bytes())) else {
        return Ok(false);
    };
    let challenge = challenge(domain, signature.r_bytes(), key, &prehash(eddsa, message));
    let negated = -key.to_edwards();
    let commitment =
        EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &negated, &response);
    Ok(!commitment.is_small_order() && commitment.compress().as_bytes() == signature.r_bytes())
}

fn challenge(domain: Sha512, commitment: &[u8; LEN], key: &VerifyingKey, message: &[u8]) -> Scalar {
    let hash = domain.chain_update(commitment).chain_update(key.as_bytes());
    Scalar::from_hash(hash.chain_update(message))
}
