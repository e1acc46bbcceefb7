//! Deriving the bytes of a key from a key, by scheme.

use coffer_protocol::mechanism::{Ecdh, Hkdf, Parameter, Salt, Scheme};
use zeroize::Zeroizing;

use super::{Error, Key, KeySpec, ecdh, kdf};

/// How many bytes a derivation from a key of this kind gives when nobody says how many are wanted; `None` where
/// somebody must.
pub fn natural_length(base: KeySpec, scheme: Scheme, parameter: &Parameter) -> Option<usize> {
    match (scheme, parameter) {
        (Scheme::Hkdf | Scheme::HkdfData, Parameter::Hkdf(hkdf)) if !hkdf.expand => {
            Some(hkdf.hash.len())
        }
        (Scheme::Ecdh, Parameter::Ecdh(Ecdh { kdf: None, .. })) => ecdh::shared_len(base),
        _ => None,
    }
}

/// Derives `length` bytes from `base`; `other` is the second key, where the parameter names one.
///
/// # Errors
///
/// [`Error::DataLength`] where the scheme does not give so many bytes, [`Error::Parameter`] for a point that is none.
pub fn derive(
    base: &Key,
    other: Option<&Key>,
    scheme: Scheme,
    parameter: &Parameter,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    match (scheme, base, parameter) {
        (Scheme::Hkdf | Scheme::HkdfData, Key::Secret(base), Parameter::Hkdf(parameter)) => {
            hkdf(base, other, parameter, length)
        }
        (Scheme::Ecdh, base, Parameter::Ecdh(parameter)) => ecdh::derive(base, parameter, length),
        _ => Err(Error::Mechanism),
    }
}

fn hkdf(
    base: &[u8],
    other: Option<&Key>,
    parameter: &Hkdf,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let salt: &[u8] = match (&parameter.salt, other) {
        (Salt::None, _) => &[],
        (Salt::Data(salt), _) => salt,
        (Salt::Key(_), Some(Key::Secret(salt))) => salt,
        (Salt::Key(_), _) => return Err(Error::Mechanism),
    };
    let extracted;
    let key = if parameter.extract {
        extracted = kdf::extract(parameter.hash, salt, base)?;
        &extracted[..]
    } else {
        base
    };
    if !parameter.expand {
        let bytes = key.get(..length).ok_or(Error::DataLength)?;
        return Ok(Zeroizing::new(bytes.to_vec()));
    }
    let mut output = Zeroizing::new(vec![0; length]);
    kdf::expand(parameter.hash, key, &parameter.info, &mut output)?;
    Ok(output)
}
