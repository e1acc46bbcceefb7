//! Message authentication codes by scheme: HMAC, and AES-CMAC (SP 800-38B); whole or shortened.

use coffer_protocol::mechanism::{Parameter, Scheme};
use subtle::ConstantTimeEq;

use super::aes::Cmac;
use super::{Error, Key, hmac};

/// A code in the making.
pub(super) struct Mac {
    state: State,
    /// How many bytes of it are wanted; `None`: all.
    length: Option<usize>,
}

enum State {
    Hmac(Box<hmac::Mac>),
    Cmac(Box<Cmac>),
}

impl Mac {
    /// A code over nothing yet; none if the scheme makes none with such a key.
    pub(super) fn new(
        key: &Key,
        scheme: Scheme,
        parameter: &Parameter,
    ) -> Result<Option<Self>, Error> {
        let state = match (scheme, key) {
            (Scheme::Hmac(hash), Key::Secret(key)) => {
                State::Hmac(Box::new(hmac::Mac::new(hash, key)?))
            }
            (Scheme::AesCmac, Key::Aes(key)) => State::Cmac(Box::new(Cmac::new(key))),
            _ => return Ok(None),
        };
        let length = match parameter {
            Parameter::MacLength(length) => Some(*length),
            _ => None,
        };
        Ok(Some(Self { state, length }))
    }

    /// Takes one more part of the message.
    pub(super) fn update(&mut self, part: &[u8]) {
        match &mut self.state {
            State::Hmac(mac) => mac.update(part),
            State::Cmac(mac) => mac.update(part),
        }
    }

    /// The code.
    pub(super) fn finish(self) -> Result<Vec<u8>, Error> {
        let mut code = match self.state {
            State::Hmac(mac) => mac.finish(),
            State::Cmac(mac) => mac.finish(),
        };
        match self.length {
            Some(length) if length == 0 || length > code.len() => return Err(Error::Parameter),
            Some(length) => code.truncate(length),
            None => {}
        }
        Ok(code)
    }

    /// Compares the code with `expected` in constant time.
    pub(super) fn verify(self, expected: &[u8]) -> Result<(), Error> {
        let code = self.finish()?;
        if expected.len() != code.len() {
            return Err(Error::SignatureLength);
        }
        if bool::from(code.ct_eq(expected)) { Ok(()) } else { Err(Error::SignatureInvalid) }
    }
}
