//! Known answers on elliptic curves.

use coffer_protocol::mechanism::{Ecdh, EdDsaParameter, Hash, Parameter, Scheme};

use super::answers::hex;
use super::elliptic_answers::{EDWARDS, Edwards, MONTGOMERY, PRIME, Prime, X963_SHARED};
use super::sign_and_verify;
use crate::crypto::ecdsa::{self, Curve};
use crate::crypto::{self, Base, Error, Key, KeySpec, PublicKey, Uses, hash};

/// The tests of all curves, with what came out.
pub(super) fn run() -> impl Iterator<Item = (&'static str, Result<bool, Error>)> {
    let signed = PRIME.iter().map(|row| (row.ecdsa, ecdsa_with(row, Uses::NONE)));
    let edwards = EDWARDS.iter().map(|row| (row.name, eddsa(row)));
    let agreed = PRIME.iter().map(|row| (row.ecdh, ecdh(row.curve, None, row.agreed)));
    let montgomery = MONTGOMERY.iter().map(|row| (row.name, ecdh(row.curve, row.kdf, row.agreed)));
    // Again, with keys that the second implementation was made ready for.
    let fast = PRIME.iter().filter(|_| cfg!(feature = "fast"));
    let fast = fast.filter_map(|row| Some((row.fast?, ecdsa_with(row, Uses::ALL))));
    signed.chain(edwards).chain(agreed).chain(montgomery).chain(fast)
}

fn ecdsa_with(answer: &Prime, uses: Uses) -> Result<bool, Error> {
    let [scalar, point, signature] = answer.signed;
    let key = Key::prepare(KeySpec::Ec(answer.curve), &hex(scalar)?, uses)?;
    let public = key.public().ok_or(Error::Internal)?;
    let signature = hex(signature)?;
    let scheme = Scheme::Ecdsa(Some(answer.hash));
    let vector: [&[u8]; 2] = [b"sample", &signature];
    // With the second implementation there, the first is not asked of itself.
    let digest = hash::digest(answer.hash, b"sample");
    Ok(public.point() == Some(hex(point)?)
        && verify_first(&public, &digest, &signature)?
        && !verify_first(&public, &[7; 32], &signature)?
        && sign_and_verify(&key, &public, scheme, &Parameter::None, vector)?)
}

/// Whether the first implementation of ECDSA verifies a signature.
fn verify_first(key: &PublicKey, digest: &[u8], signature: &[u8]) -> Result<bool, Error> {
    let PublicKey::Ec(key) = key else { return Err(Error::Internal) };
    Ok(ecdsa::verify_first(key, digest, signature).is_ok())
}

/// Signatures are deterministic: the answer is made here, and verifies.
fn eddsa(answer: &Edwards) -> Result<bool, Error> {
    let [seed, point, message, signature] = answer.signed;
    let key = Key::parse(KeySpec::Ec(answer.curve), &hex(seed)?)?;
    let public = key.public().ok_or(Error::Internal)?;
    let (message, signature) = (hex(message)?, hex(signature)?);
    let parameter = match answer.parameter {
        (false, b"") => Parameter::None,
        (prehash, context) => {
            Parameter::EdDsa(EdDsaParameter { prehash, context: context.to_vec() })
        }
    };
    Ok(public.point() == Some(hex(point)?)
        && crypto::sign(&key, Scheme::EdDsa, &parameter, &message)? == signature
        && sign_and_verify(&key, &public, Scheme::EdDsa, &parameter, [&message, &signature])?)
}

/// Derives from a scalar and the point of the other side.
fn ecdh(curve: Curve, kdf: Option<Hash>, [scalar, peer, secret]: [&str; 3]) -> Result<bool, Error> {
    let key = Key::prepare(KeySpec::Ec(curve), &hex(scalar)?, Uses::NONE)?;
    let (peer, secret) = (hex(peer)?, hex(secret)?);
    let shared_data = if kdf.is_some() { X963_SHARED.to_vec() } else { Vec::new() };
    let parameter = Parameter::Ecdh(Ecdh { kdf, shared_data, public_data: peer });
    let base = Base { key: &key, value: &[] };
    Ok(*crypto::derive(base, None, Scheme::Ecdh, &parameter, secret.len())? == secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_has_an_answer_for_all_that_it_does() {
        for curve in Curve::all() {
            let signed = PRIME.iter().any(|row| row.curve == curve)
                || EDWARDS.iter().any(|row| row.curve == curve);
            let agreed = PRIME.iter().any(|row| row.curve == curve)
                || MONTGOMERY.iter().any(|row| row.curve == curve);
            assert_eq!(agreed, curve.agrees(), "{curve:?}");
            assert!(signed || agreed, "{curve:?}");
        }
    }
}
