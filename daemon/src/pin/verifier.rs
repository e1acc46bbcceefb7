//! What is stored of a PIN: Argon2id (RFC 9106) with a salt of its own and a pepper from the root key.
//!
//! Without the root key a stolen verifier cannot even be guessed at. PIN, pepper and the computed tag stay in
//! secret memory; the matrix is ordinary memory that is wiped, because it does not fit into the arena.

use argon2::{Algorithm, Argon2, Params, Version};
use coffer_protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::Pin;
use crate::crypto::password::Matrix;
use crate::vault::{self, Depth, Inside, Public, Secret};
use crate::{Error, crypto};

/// Memory in KiB: 19 MiB, with two passes in one lane.
const MEMORY: u32 = 19 << 10;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const TAG: usize = 32;

/// The stored form, in the frozen order of its fields. It keeps its costs, so that they can be raised for new PINs.
#[derive(Serialize, Deserialize)]
pub(super) struct Verifier {
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
    tag: [u8; TAG],
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl Verifier {
    /// The verifier of a new PIN.
    pub(super) fn new(pin: &Pin<'_>, pepper: &Secret<32>) -> Result<Self, Error> {
        let salt = crypto::random::array::<16>()?;
        let new = Self { memory: MEMORY, passes: PASSES, lanes: LANES, salt, tag: [0; TAG] };
        let tag = new.compute(pin, pepper, |tag| Some(Public(*tag)))?;
        let Public(tag) = tag.ok_or(ErrorCode::Internal)?;
        Ok(Self { tag, ..new })
    }

    /// Random bytes that no other verifier has.
    pub(super) const fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// Whether it is the verifier of this PIN, in constant time.
    pub(super) fn accepts(&self, pin: &Pin<'_>, pepper: &Secret<32>) -> Result<bool, Error> {
        self.compute(pin, pepper, |tag| bool::from(tag.ct_eq(&self.tag)))
    }

    /// Gives the tag of a PIN to `f`, inside the vault.
    fn compute<R: vault::Release>(
        &self,
        pin: &Pin<'_>,
        pepper: &Secret<32>,
        f: impl FnOnce(&[u8; TAG]) -> R,
    ) -> Result<R, Error> {
        let params = Params::new(self.memory, self.passes, self.lanes, Some(TAG));
        let params = params.map_err(|_| ErrorCode::StoreFailed)?;
        let mut matrix = Matrix::new(params.block_count())?;
        let derived = vault::run(Depth::Small, |inside| {
            let mut tag = [0; TAG];
            let done = self.derive(inside, (pin, pepper), params, &mut matrix, &mut tag);
            let result = done.then(|| f(&tag));
            tag.zeroize();
            result
        })?;
        derived.ok_or(ErrorCode::Internal.into())
    }

    fn derive(
        &self,
        inside: &Inside<'_>,
        (pin, pepper): (&Pin<'_>, &Secret<32>),
        params: Params,
        matrix: &mut Matrix,
        tag: &mut [u8; TAG],
    ) -> bool {
        let pepper = pepper.get(inside);
        Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params)
            .and_then(|argon2| {
                let blocks = matrix.blocks();
                argon2.hash_password_into_with_memory(pin.bytes(inside), &self.salt, tag, blocks)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Payload;

    fn pepper(byte: u8) -> Secret<32> {
        vault::init_for_tests();
        vault::run(Depth::Small, |inside| Secret::<32>::fill(inside, |bytes| bytes.fill(byte)))
            .unwrap()
            .unwrap()
    }

    fn cheap(salt: u8) -> Verifier {
        Verifier { memory: 64, passes: 1, lanes: 1, salt: [salt; 16], tag: [0; TAG] }
    }

    fn tag(verifier: &Verifier, pin: &[u8], pepper: &Secret<32>) -> [u8; TAG] {
        let payload = Payload::Plain(pin);
        verifier.compute(&Pin::whole(&payload), pepper, |tag| Public(*tag)).unwrap().0
    }

    #[test]
    fn pin_salt_and_pepper_all_matter() {
        let (one, two) = (pepper(1), pepper(2));
        let tags = [
            tag(&cheap(1), b"1234", &one),
            tag(&cheap(1), b"1235", &one),
            tag(&cheap(2), b"1234", &one),
            tag(&cheap(1), b"1234", &two),
        ];
        for (index, tag) in tags.iter().enumerate() {
            assert!(!tags[..index].contains(tag));
        }
        assert_eq!(tags[0], tag(&cheap(1), b"1234", &one));
    }

    #[test]
    fn a_new_verifier_has_the_ruled_costs_and_accepts_its_pin_only() {
        let pepper = pepper(1);
        let payload = Payload::Plain(b"right one");
        let verifier = Verifier::new(&Pin::whole(&payload), &pepper).unwrap();
        assert_eq!((verifier.memory, verifier.passes, verifier.lanes), (19_456, 2, 1));
        assert!(verifier.accepts(&Pin::whole(&payload), &pepper).unwrap());
        let wrong = Payload::Plain(b"wrong one");
        assert!(!verifier.accepts(&Pin::whole(&wrong), &pepper).unwrap());
    }
}
