//! Deriving the bytes of a key from a key, by scheme.

use coffer_protocol::mechanism::{Hkdf, Parameter, Salt, Scheme};
use zeroize::Zeroizing;

use super::{Error, Key, kdf};

/// How many bytes a derivation gives when nobody says how many are wanted; `None` where somebody
/// must.
pub fn natural_length(scheme: Scheme, parameter: &Parameter) -> Option<usize> {
    match (scheme, parameter) {
        (Scheme::Hkdf | Scheme::HkdfData, Parameter::Hkdf(hkdf)) if !hkdf.expand => {
            Some(hkdf.hash.len())
        }
        _ => None,
    }
}

/// Derives `length` bytes from `base`; `other` is the second key, where the parameter names one.
///
/// # Errors
///
/// [`Error::DataLength`] where the scheme does not give so many bytes.
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
