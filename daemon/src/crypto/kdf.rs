//! Key derivation: HKDF, RFC 5869, with SHA-256 or SM3.

use coffer_protocol::mechanism::Hash;
use hkdf::Hkdf;
use sha2::Sha256;
use sm3::Sm3;

use super::Error;

/// Fills `output` with key bytes derived from `key`, `salt` and `info`.
pub fn hkdf(
    hash: Hash,
    key: &[u8],
    salt: &[u8],
    info: &[u8],
    output: &mut [u8],
) -> Result<(), Error> {
    let result = match hash {
        Hash::Sha256 => Hkdf::<Sha256>::new(Some(salt), key).expand(info, output),
        Hash::Sm3 => Hkdf::<Sm3>::new(Some(salt), key).expand(info, output),
        Hash::Sha1 | Hash::Sha224 | Hash::Sha384 | Hash::Sha512 => return Err(Error::Mechanism),
    };
    result.map_err(|_| Error::DataLength)
}
