//! Pairs on the named curves: the private key ready for use, and the public point.

use coffer_protocol::mechanism::Parameter;
use zeroize::Zeroizing;

use super::curve::{Curve, Group};
use super::eddsa::Signer;
use super::fast::EcdsaSigner;
use super::key::Uses;
use super::{Error, random};

/// A point that may be a public key of its curve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    curve: Curve,
    bytes: Vec<u8>,
}

impl Point {
    /// Takes a point as it is, 04‖X‖Y or compressed on curves over prime fields, and checks it. On Montgomery curves
    /// every string as long as the field is one.
    ///
    /// # Errors
    ///
    /// [`Error::KeyInvalid`] where it is no point or one that is no public key.
    pub(super) fn new(curve: Curve, given: &[u8]) -> Result<Self, Error> {
        let bytes = match curve.group() {
            Group::Prime(prime) => prime.point(given),
            Group::Edwards(edwards) => edwards.is_point(given).then(|| given.to_vec()),
            Group::Montgomery(_) => Some(given.to_vec()),
        };
        let bytes = bytes.filter(|bytes| bytes.len() == curve.point_len());
        Ok(Self { curve, bytes: bytes.ok_or(Error::KeyInvalid)? })
    }

    /// The curve that it is on.
    pub const fn curve(&self) -> Curve {
        self.curve
    }

    /// 04‖X‖Y, or one coordinate on Edwards and Montgomery curves.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Verifies an EdDSA signature over a message.
    pub(super) fn verify_eddsa(
        &self,
        parameter: &Parameter,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Error> {
        let Group::Edwards(edwards) = self.curve.group() else { return Err(Error::Mechanism) };
        let verified = edwards.verify(&self.bytes, parameter, message, signature)?;
        if verified { Ok(()) } else { Err(Error::SignatureInvalid) }
    }
}

/// A private key ready for use.
pub struct Private {
    point: Point,
    secret: Zeroizing<Vec<u8>>,
    ready: Ready,
}

/// What is prepared for signing.
enum Ready {
    /// Nothing: the secret is enough.
    Nothing,
    /// By the second implementation.
    Fast(EcdsaSigner),
    /// For EdDSA.
    Edwards(Box<dyn Signer>),
}

/// A new secret with its public point.
///
/// # Errors
///
/// [`Error::Entropy`] where the kernel gives no random bytes.
pub(super) fn generate(curve: Curve) -> Result<(Zeroizing<Vec<u8>>, Point), Error> {
    let mut secret = Zeroizing::new(vec![0; curve.order_len()]);
    loop {
        random::fill(&mut secret)?;
        let is_prime = matches!(curve.group(), Group::Prime(_));
        if let Some(first) = secret.first_mut().filter(|_| is_prime) {
            // FIPS 186-5 section A.2.2: as many bits as the order has, until they are below it.
            *first &= 0xff >> (curve.order_len() * 8 - curve.bits());
        }
        match Private::new(curve, &secret, Uses::NONE) {
            Err(Error::KeyInvalid) if is_prime => {}
            made => return Ok((secret, made?.point)),
        }
    }
}

impl Private {
    /// Prepares a secret: a big-endian scalar, which may lack leading zeros or have more, a seed of EdDSA, or a scalar
    /// of X25519 or X448, little-endian.
    ///
    /// # Errors
    ///
    /// [`Error::KeyInvalid`] for what is none.
    pub(super) fn new(curve: Curve, secret: &[u8], uses: Uses) -> Result<Self, Error> {
        let mut secret = Zeroizing::new(secret.to_vec());
        let (bytes, ready) = match curve.group() {
            Group::Prime(prime) => {
                secret = padded(&secret, curve.order_len())?;
                let point = prime.public(&secret).ok_or(Error::KeyInvalid)?;
                let signer = uses.sign.then(|| EcdsaSigner::new(curve, &secret, &point)).flatten();
                (point, signer.map_or(Ready::Nothing, Ready::Fast))
            }
            Group::Edwards(edwards) => {
                let signer = edwards.prepare(&secret)?;
                (signer.public(), Ready::Edwards(signer))
            }
            Group::Montgomery(montgomery) => {
                (montgomery.public(&secret).ok_or(Error::KeyInvalid)?, Ready::Nothing)
            }
        };
        Ok(Self { point: Point { curve, bytes }, secret, ready })
    }

    /// The public point.
    pub const fn point(&self) -> &Point {
        &self.point
    }

    /// The curve.
    pub const fn curve(&self) -> Curve {
        self.point.curve
    }

    /// The form at rest, in full length.
    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// What the second implementation has prepared.
    pub(super) const fn fast(&self) -> Option<&EcdsaSigner> {
        match &self.ready {
            Ready::Fast(signer) => Some(signer),
            Ready::Nothing | Ready::Edwards(_) => None,
        }
    }

    /// Signs a message with EdDSA.
    pub(super) fn sign_eddsa(
        &self,
        parameter: &Parameter,
        message: &[u8],
    ) -> Result<Vec<u8>, Error> {
        match &self.ready {
            Ready::Edwards(signer) => signer.sign(parameter, message),
            Ready::Nothing | Ready::Fast(_) => Err(Error::Mechanism),
        }
    }
}

/// A big-endian number in as many bytes.
fn padded(number: &[u8], length: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    let start = number.iter().take_while(|byte| **byte == 0).count();
    let digits = &number[start..];
    let front = length.checked_sub(digits.len()).ok_or(Error::KeyInvalid)?;
    let mut full = Zeroizing::new(vec![0; length]);
    full[front..].copy_from_slice(digits);
    Ok(full)
}
