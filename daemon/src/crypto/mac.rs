//! Message authentication codes by scheme: HMAC, and AES-CMAC (SP 800-38B), whole or shortened; and those
//! that end a handshake of TLS 1.2.

use coffer_protocol::mechanism::{Parameter, Scheme, TlsMac};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aes::Cmac;
use super::{Error, Key, hmac, sha512_t, tls};

/// A code in the making.
pub(super) struct Mac {
    state: State,
    /// How many bytes of it are wanted; `None`: all.
    length: Option<usize>,
}

enum State {
    Hmac(Box<hmac::Mac>),
    HmacSha512T(Box<sha512_t::Mac>),
    Cmac(Box<Cmac>),
    /// The pseudorandom function of TLS needs what it signs more than once.
    Tls {
        secret: Zeroizing<Vec<u8>>,
        parameter: TlsMac,
        seed: Vec<u8>,
    },
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
            (Scheme::HmacSha512T, Key::Secret(key)) => match parameter {
                Parameter::Truncation(t) => {
                    State::HmacSha512T(Box::new(sha512_t::Mac::new(*t, key)?))
                }
                _ => return Err(Error::Parameter),
            },
            (Scheme::AesCmac, Key::Aes(key)) => State::Cmac(Box::new(Cmac::new(key))),
            (Scheme::TlsMac, Key::Secret(key)) => match parameter {
                Parameter::TlsMac(parameter) => State::Tls {
                    secret: key.clone(),
                    parameter: parameter.clone(),
                    seed: Vec::new(),
                },
                _ => return Err(Error::Parameter),
            },
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
            State::HmacSha512T(mac) => mac.update(part),
            State::Cmac(mac) => mac.update(part),
            State::Tls { seed, .. } => seed.extend_from_slice(part),
        }
    }

    /// The code.
    pub(super) fn finish(self) -> Result<Vec<u8>, Error> {
        let mut code = match self.state {
            State::Hmac(mac) => mac.finish(),
            State::HmacSha512T(mac) => mac.finish(),
            State::Cmac(mac) => mac.finish(),
            State::Tls { secret, parameter: TlsMac { hash, label, length }, seed } => {
                return Ok(tls::prf(hash, &secret, label, &seed, length)?.to_vec());
            }
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
