//! SHA-512/t, FIPS 180-4 section 5.3.6, for every t that is whole bytes, and HMAC with it.
//!
//! It is SHA-512 that begins elsewhere: `sha2` lets a state be read that was written, so that the one from which SHA-512
//! begins can be exchanged.

use coffer_protocol::mechanism::Truncation;
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

use super::Error;

/// The eight words of a state, as `sha2` writes them: first, and little-endian.
const STATE: usize = 64;
/// The block of SHA-512 in bytes.
const BLOCK: usize = 128;

/// A digest in the making.
#[derive(Clone)]
pub(super) struct Sha512T {
    state: Sha512,
    length: usize,
}

impl Sha512T {
    /// An empty digest.
    pub(super) fn new(t: Truncation) -> Result<Self, Error> {
        let mut first = Sha512::new().serialize();
        first[..STATE].iter_mut().for_each(|byte| *byte ^= 0xa5);
        let generate = from_state(&first[..STATE])?;
        let mut words = generate.chain_update(format!("SHA-512/{}", t.bits())).finalize();
        words.chunks_exact_mut(8).for_each(<[u8]>::reverse);
        Ok(Self { state: from_state(&words)?, length: t.len() })
    }

    /// Takes one more part of the message.
    pub(super) fn update(&mut self, part: &[u8]) {
        self.state.update(part);
    }

    /// The digest.
    pub(super) fn finish(self) -> Zeroizing<Vec<u8>> {
        let whole = Zeroizing::new(<[u8; 64]>::from(self.state.finalize()));
        Zeroizing::new(whole[..self.length].to_vec())
    }
}

/// SHA-512 from another state on.
fn from_state(words: &[u8]) -> Result<Sha512, Error> {
    let mut state = Sha512::new().serialize();
    state.get_mut(..STATE).ok_or(Error::Internal)?.copy_from_slice(words);
    Sha512::deserialize(&state).map_err(|_| Error::Internal)
}

/// The digest of a message.
pub(super) fn digest(t: Truncation, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut hasher = Sha512T::new(t)?;
    hasher.update(message);
    Ok(hasher.finish())
}

/// HMAC in the making, FIPS 198-1.
pub(super) struct Mac {
    inner: Sha512T,
    outer: Sha512T,
}

impl Mac {
    /// A code over nothing yet.
    pub(super) fn new(t: Truncation, key: &[u8]) -> Result<Self, Error> {
        let mut block = Zeroizing::new([0; BLOCK]);
        if let Some(place) = block.get_mut(..key.len()) {
            place.copy_from_slice(key);
        } else {
            block[..t.len()].copy_from_slice(&digest(t, key)?);
        }
        let begin = |pad: u8| -> Result<Sha512T, Error> {
            let mut padded = Zeroizing::new(*block);
            padded.iter_mut().for_each(|byte| *byte ^= pad);
            let mut hasher = Sha512T::new(t)?;
            hasher.update(&*padded);
            Ok(hasher)
        };
        Ok(Self { inner: begin(0x36)?, outer: begin(0x5c)? })
    }

    /// Takes one more part of the message.
    pub(super) fn update(&mut self, part: &[u8]) {
        self.inner.update(part);
    }

    /// The code.
    pub(super) fn finish(self) -> Vec<u8> {
        let Self { inner, mut outer } = self;
        outer.update(&inner.finish());
        outer.finish().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use coffer_protocol::mechanism::Hash;

    use super::*;
    use crate::crypto::{hash, hmac};

    fn t(bits: u32) -> Truncation {
        Truncation::new(bits).unwrap()
    }

    /// FIPS 180-4 sections 5.3.6.1 and 5.3.6.2.
    #[test]
    fn the_first_states_are_those_of_the_standard() {
        let first = |bits| {
            let state = Sha512T::new(t(bits)).unwrap().state.serialize();
            let words = state[..STATE].chunks_exact(8);
            words.map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect::<Vec<_>>()
        };
        #[rustfmt::skip]
        assert_eq!(first(224), [
            0x8c3d_37c8_1954_4da2, 0x73e1_9966_89dc_d4d6, 0x1dfa_b7ae_32ff_9c82, 0x679d_d514_582f_9fcf,
            0x0f6d_2b69_7bd4_4da8, 0x77e3_6f73_04c4_8942, 0x3f9d_85a8_6a1d_36c8, 0x1112_e6ad_91d6_92a1,
        ]);
        #[rustfmt::skip]
        assert_eq!(first(256), [
            0x2231_2194_fc2b_f72c, 0x9f55_5fa3_c84c_64c2, 0x2393_b86b_6f53_b151, 0x9638_7719_5940_eabd,
            0x9628_3ee2_a88e_ffe3, 0xbe5e_1e25_5386_3992, 0x2b01_99fc_2c85_b8aa, 0x0eb7_2ddc_81c5_2ca2,
        ]);
    }

    #[test]
    fn with_224_and_256_bits_it_is_the_approved_hash() {
        for (bits, approved) in [(224, Hash::Sha512_224), (256, Hash::Sha512_256)] {
            for length in [0, 1, 111, 112, 127, 128, 129, 1000] {
                let message: Vec<u8> = (0..=250).cycle().take(length).collect();
                assert_eq!(*digest(t(bits), &message).unwrap(), hash::digest(approved, &message));
                let mut mac = Mac::new(t(bits), &message).unwrap();
                mac.update(&message[..length / 2]);
                mac.update(&message[length / 2..]);
                assert_eq!(mac.finish(), hmac::mac(approved, &message, &message).unwrap());
            }
        }
    }
}
