//! Key derivation: HKDF, RFC 5869.
//!
//! It is made of HMAC here, so that one function serves every hash, and extraction and expansion
//! can be asked for apart, as PKCS#11 does.

use coffer_protocol::mechanism::Hash;
use zeroize::Zeroizing;

use super::Error;
use super::hmac::Mac;

/// Fills `output` with key bytes derived from `key`, `salt` and `info`.
pub fn hkdf(
    hash: Hash,
    key: &[u8],
    salt: &[u8],
    info: &[u8],
    output: &mut [u8],
) -> Result<(), Error> {
    expand(hash, &extract(hash, salt, key)?, info, output)
}

/// The pseudorandom key of section 2.2, as long as a digest.
pub fn extract(hash: Hash, salt: &[u8], key: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    // A salt that was not given is as many zeros as a digest has bytes, which HMAC pads to the
    // same block as no bytes at all.
    let mut mac = Mac::new(hash, salt)?;
    mac.update(key);
    Ok(Zeroizing::new(mac.finish()))
}

/// Fills `output`, at most 255 digests long, as section 2.3 says.
pub fn expand(hash: Hash, key: &[u8], info: &[u8], output: &mut [u8]) -> Result<(), Error> {
    if output.len() > 255 * hash.len() {
        return Err(Error::DataLength);
    }
    let mut last = Zeroizing::new(Vec::new());
    for (number, part) in (1..=255_u8).zip(output.chunks_mut(hash.len())) {
        let mut mac = Mac::new(hash, key)?;
        mac.update(&last);
        mac.update(info);
        mac.update(&[number]);
        last = Zeroizing::new(mac.finish());
        part.copy_from_slice(last.get(..part.len()).ok_or(Error::Internal)?);
    }
    Ok(())
}
