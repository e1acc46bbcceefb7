//! Ed448, RFC 8032 section 5.2: plain, with a context, and over the message's hash (Ed448ph).
//!
//! The library has all of it, but takes some points in more than one form; RFC 8032 section 5.2.3 has one only.

use coffer_protocol::mechanism::{EdDsaParameter, Parameter};
use ed448_goldilocks::elliptic_curve::array::Array;
use ed448_goldilocks::shake::{Shake256, digest::Update};
use ed448_goldilocks::{PreHasherXof, Signature, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::{Arithmetic, Error, Signer};

/// The length of a seed, which is the private key, and of a public point in bytes.
const LEN: usize = 57;

/// The curve of Ed448.
pub(in crate::crypto) struct Ed448;

impl Arithmetic for Ed448 {
    fn prepare(&self, seed: &[u8]) -> Result<Box<dyn Signer>, Error> {
        let seed = <[u8; LEN]>::try_from(seed).map_err(|_| Error::KeyInvalid)?;
        let seed = Zeroizing::new(Array::from(*Zeroizing::new(seed)));
        Ok(Box::new(SigningKey::from(&*seed)))
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
        if !is_canonical(signature.r_bytes()) {
            return Ok(false);
        }
        let verified = match input(parameter, message)? {
            (context, Input::Message(message)) => key.verify_ctx(&signature, context, message),
            (context, Input::Hash(hash)) => key.verify_prehashed(&signature, Some(context), hash),
        };
        Ok(verified.is_ok())
    }
}

fn key(point: &[u8]) -> Option<VerifyingKey> {
    let point = <[u8; LEN]>::try_from(point).ok()?;
    // The library refuses what is not in the subgroup of prime order, and its neutral element.
    VerifyingKey::from_bytes(&point).ok().filter(|_| is_canonical(&point))
}

/// Whether the coordinate is below the field's prime, 2^448 - 2^224 - 1, and nothing but the sign is behind it.
fn is_canonical(point: &[u8; LEN]) -> bool {
    let mut prime = [0xff; LEN - 1];
    prime[28] = 0xfe;
    let (coordinate, sign) = point.split_at(LEN - 1);
    coordinate.iter().rev().lt(prime.iter().rev()) && matches!(sign, [0 | 0x80])
}

/// What is signed in place of the message.
enum Input<'a> {
    Message(&'a [u8]),
    Hash(PreHasherXof<Shake256>),
}

/// The context, and PH of section 5.2: SHAKE256 with 64 bytes of output.
fn input<'a>(parameter: &'a Parameter, message: &'a [u8]) -> Result<(&'a [u8], Input<'a>), Error> {
    match parameter {
        Parameter::None => Ok((&[], Input::Message(message))),
        Parameter::EdDsa(EdDsaParameter { prehash: false, context }) => {
            Ok((context, Input::Message(message)))
        }
        Parameter::EdDsa(EdDsaParameter { prehash: true, context }) => {
            Ok((context, Input::Hash(Shake256::default().chain(message).into())))
        }
        _ => Err(Error::Parameter),
    }
}

impl Signer for SigningKey {
    fn public(&self) -> Vec<u8> {
        self.verifying_key().to_bytes().to_vec()
    }

    fn sign(&self, parameter: &Parameter, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = match input(parameter, message)? {
            (context, Input::Message(message)) => self.sign_ctx(context, message),
            (context, Input::Hash(hash)) => self.sign_prehashed(Some(context), hash),
        };
        // Only a context that is too long is refused.
        Ok(signature.map_err(|_| Error::Parameter)?.to_bytes().to_vec())
    }
}
