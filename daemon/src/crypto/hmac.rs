//! HMAC, FIPS 198-1.

use coffer_protocol::mechanism::Hash;
use hmac::{Hmac, KeyInit, Mac as _};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use sm3::Sm3;
use subtle::ConstantTimeEq;

use super::Error;

/// A message authentication code in the making.
pub enum Mac {
    /// With SHA-1.
    Sha1(Hmac<Sha1>),
    /// With SHA-224.
    Sha224(Hmac<Sha224>),
    /// With SHA-256.
    Sha256(Hmac<Sha256>),
    /// With SHA-384.
    Sha384(Hmac<Sha384>),
    /// With SHA-512.
    Sha512(Hmac<Sha512>),
    /// With SM3.
    Sm3(Hmac<Sm3>),
}

impl Mac {
    /// A code over nothing yet.
    pub fn new(hash: Hash, key: &[u8]) -> Result<Self, Error> {
        Ok(match hash {
            Hash::Sha1 => Self::Sha1(keyed(key)?),
            Hash::Sha224 => Self::Sha224(keyed(key)?),
            Hash::Sha256 => Self::Sha256(keyed(key)?),
            Hash::Sha384 => Self::Sha384(keyed(key)?),
            Hash::Sha512 => Self::Sha512(keyed(key)?),
            Hash::Sm3 => Self::Sm3(keyed(key)?),
        })
    }

    /// Takes one more part of the message.
    pub fn update(&mut self, part: &[u8]) {
        match self {
            Self::Sha1(state) => state.update(part),
            Self::Sha224(state) => state.update(part),
            Self::Sha256(state) => state.update(part),
            Self::Sha384(state) => state.update(part),
            Self::Sha512(state) => state.update(part),
            Self::Sm3(state) => state.update(part),
        }
    }

    /// The code.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(state) => state.finalize().into_bytes().to_vec(),
            Self::Sha224(state) => state.finalize().into_bytes().to_vec(),
            Self::Sha256(state) => state.finalize().into_bytes().to_vec(),
            Self::Sha384(state) => state.finalize().into_bytes().to_vec(),
            Self::Sha512(state) => state.finalize().into_bytes().to_vec(),
            Self::Sm3(state) => state.finalize().into_bytes().to_vec(),
        }
    }

    /// Compares the code with `expected` in constant time.
    pub fn verify(self, expected: &[u8]) -> Result<(), Error> {
        let code = self.finish();
        if expected.len() != code.len() {
            return Err(Error::SignatureLength);
        }
        if bool::from(code.ct_eq(expected)) { Ok(()) } else { Err(Error::SignatureInvalid) }
    }
}

fn keyed<M: KeyInit>(key: &[u8]) -> Result<M, Error> {
    M::new_from_slice(key).map_err(|_| Error::KeySize)
}

/// The code of a message.
pub fn mac(hash: Hash, key: &[u8], message: &[u8]) -> Result<Vec<u8>, Error> {
    let mut mac = Mac::new(hash, key)?;
    mac.update(message);
    Ok(mac.finish())
}
