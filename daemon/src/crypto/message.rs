//! Signing and verifying a message that comes in parts.
//!
//! Only the hash is kept between the parts. The private key is needed at the end alone, so a key
//! that was disabled meanwhile signs nothing.

use coffer_protocol::key_type::KeyType;
use coffer_protocol::mechanism::{Parameter, Scheme};

use super::hash::Hasher;
use super::mac::Mac;
use super::one_shot::{padding, public};
use super::{Error, Half, Key, PublicKey, ecdsa, rsa};

/// A message under way.
pub struct Message {
    scheme: Scheme,
    parameter: Parameter,
    state: State,
}

enum State {
    Hash(Box<Hasher>),
    Mac(Box<Mac>),
}

impl Message {
    /// Begins a message that is to be signed or verified.
    ///
    /// The scheme must contain a hash; schemes that sign what they get are single-part, and so is
    /// SM2.
    pub fn new<'a>(
        key: impl Into<Half<'a>>,
        scheme: Scheme,
        parameter: &Parameter,
    ) -> Result<Self, Error> {
        let key = key.into();
        let mac = match key {
            Half::Secret(key) => Mac::new(key, scheme, parameter)?,
            Half::Public(_) => None,
        };
        if let Some(mac) = mac {
            let state = State::Mac(Box::new(mac));
            return Ok(Self { scheme, parameter: parameter.clone(), state });
        }
        let state = match (scheme, key) {
            (Scheme::RsaPkcs1(Some(hash)), _) if is_rsa(key) => {
                State::Hash(Box::new(Hasher::new(hash)))
            }
            (Scheme::RsaPss(Some(hash)), _) if is_rsa(key) => {
                padding(scheme, parameter)?;
                State::Hash(Box::new(Hasher::new(hash)))
            }
            (Scheme::Ecdsa(Some(hash)), _) if is_for_ecdsa(key) => {
                State::Hash(Box::new(Hasher::new(hash)))
            }
            _ => return Err(Error::Mechanism),
        };
        Ok(Self { scheme, parameter: parameter.clone(), state })
    }

    /// Takes one more part.
    pub fn update(&mut self, part: &[u8]) {
        match &mut self.state {
            State::Hash(hasher) => hasher.update(part),
            State::Mac(mac) => mac.update(part),
        }
    }

    /// Signs the message with the key it was begun with.
    pub fn sign(self, key: &Key) -> Result<Vec<u8>, Error> {
        let hash = match self.state {
            State::Mac(mac) => return mac.finish(),
            State::Hash(hasher) => hasher.finish(),
        };
        match (self.scheme, key) {
            (Scheme::RsaPkcs1(_) | Scheme::RsaPss(_), Key::Rsa(key)) => {
                rsa::sign(key, padding(self.scheme, &self.parameter)?, &hash)
            }
            (Scheme::Ecdsa(_), Key::Ec(key)) => ecdsa::sign(key, &hash),
            _ => Err(Error::Mechanism),
        }
    }

    /// Verifies a signature over the message with the key it was begun with.
    pub fn verify<'a>(self, key: impl Into<Half<'a>>, signature: &[u8]) -> Result<(), Error> {
        let hash = match self.state {
            State::Mac(mac) => return mac.verify(signature),
            State::Hash(hasher) => hasher.finish(),
        };
        match (self.scheme, &*public(key.into())?) {
            (Scheme::RsaPkcs1(_) | Scheme::RsaPss(_), PublicKey::Rsa(key)) => {
                rsa::verify(key, padding(self.scheme, &self.parameter)?, &hash, signature)
            }
            (Scheme::Ecdsa(_), PublicKey::Ec(key)) => ecdsa::verify(key, &hash, signature),
            _ => Err(Error::Mechanism),
        }
    }
}

fn is_rsa(key: Half<'_>) -> bool {
    matches!(key, Half::Secret(Key::Rsa(_)) | Half::Public(PublicKey::Rsa(_)))
}

fn is_for_ecdsa(key: Half<'_>) -> bool {
    let curve = match key {
        Half::Secret(Key::Ec(key)) => key.curve(),
        Half::Public(PublicKey::Ec(key)) => key.curve(),
        Half::Secret(_) | Half::Public(_) => return false,
    };
    curve.key_type() == KeyType::Ec
}
