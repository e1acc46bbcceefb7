//! In place of `fast.rs` where the feature `fast` is off: nothing is ever prepared.

use std::convert::Infallible;

use ::rsa::RsaPrivateKey;
use coffer_protocol::mechanism::{GcmParameter, Oaep};

use super::Error;
use super::ecdsa::Curve;
use super::rsa::Padding;

/// Never made.
pub(super) struct RsaSigner(Infallible);

/// Never made.
pub(super) struct RsaDecrypter(Infallible);

/// Never made.
pub(super) struct BulkGcm(Infallible);

/// Never made.
pub(super) struct EcdsaSigner(Infallible);

impl RsaSigner {
    pub(super) fn new(_key: &RsaPrivateKey) -> Option<Self> {
        None
    }

    pub(super) fn sign(&self, _padding: Padding, _data: &[u8]) -> Option<Result<Vec<u8>, Error>> {
        match self.0 {}
    }
}

impl RsaDecrypter {
    pub(super) fn new(_key: &RsaPrivateKey) -> Option<Self> {
        None
    }

    pub(super) fn decrypt(
        &self,
        _oaep: &Oaep,
        _ciphertext: &[u8],
    ) -> Option<Result<Vec<u8>, Error>> {
        match self.0 {}
    }
}

impl EcdsaSigner {
    pub(super) fn new(_curve: Curve, _scalar: &[u8], _point: &[u8]) -> Option<Self> {
        None
    }

    pub(super) fn sign(&self, _integer: &[u8]) -> Option<Result<Vec<u8>, Error>> {
        match self.0 {}
    }
}

impl BulkGcm {
    pub(super) fn new(_key: &[u8]) -> Option<Self> {
        None
    }

    pub(super) fn encrypt(
        &self,
        _parameter: &GcmParameter,
        _data: &mut [u8],
        _tag: &mut [u8],
    ) -> Option<Result<(), Error>> {
        match self.0 {}
    }

    pub(super) fn decrypt(
        &self,
        _parameter: &GcmParameter,
        _buffer: &mut [u8],
    ) -> Option<Result<(), Error>> {
        match self.0 {}
    }
}

pub(super) fn ecdsa_verify(
    _curve: Curve,
    _point: &[u8],
    _integer: &[u8],
    _signature: &[u8],
) -> Option<Result<(), Error>> {
    None
}
