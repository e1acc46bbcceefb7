//! EdDSA, RFC 8032: Ed25519 and Ed448, each plain, with a context, and over the message's hash.

pub(super) mod ed25519;
pub(super) mod ed448;

use coffer_protocol::mechanism::Parameter;

use super::Error;

/// A private key that is ready to sign.
pub(super) trait Signer: Send + Sync {
    /// Its public point.
    fn public(&self) -> Vec<u8>;

    /// Signs a message; no parameter is the plain scheme.
    fn sign(&self, parameter: &Parameter, message: &[u8]) -> Result<Vec<u8>, Error>;
}

/// The functions of a curve.
pub(super) trait Arithmetic: Sync {
    /// Prepares a seed; one of another length is no key.
    fn prepare(&self, seed: &[u8]) -> Result<Box<dyn Signer>, Error>;

    /// Whether a point may be a public key. Points of small order, for which anybody can make signatures, may not.
    fn is_point(&self, point: &[u8]) -> bool;

    /// Whether a signature over a message verifies; no parameter is the plain scheme.
    fn verify(
        &self,
        point: &[u8],
        parameter: &Parameter,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Error>;
}
