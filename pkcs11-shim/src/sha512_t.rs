//! SHA-512/t, FIPS 180-4 section 5.3.6: SHA-512 that begins elsewhere and gives its first bytes.

use coffer_protocol::mechanism::Truncation;
use sha2::digest::common::hazmat::SerializableState as _;
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

/// The eight words of a state, as `sha2` writes them: first, and little-endian.
const STATE: usize = 64;

/// A digest in the making.
#[derive(Clone)]
pub(crate) struct Sha512T {
    state: Sha512,
    length: usize,
}

impl Sha512T {
    /// An empty digest; `None` only if `sha2` wrote its states differently.
    pub(crate) fn new(t: Truncation) -> Option<Self> {
        let mut first = Sha512::new().serialize();
        first[..STATE].iter_mut().for_each(|byte| *byte ^= 0xa5);
        let generate = from_state(&first[..STATE])?;
        let mut words = generate.chain_update(format!("SHA-512/{}", t.bits())).finalize();
        words.chunks_exact_mut(8).for_each(<[u8]>::reverse);
        Some(Self { state: from_state(&words)?, length: t.len() })
    }

    /// Takes one more part of the message.
    pub(crate) fn update(&mut self, part: &[u8]) {
        self.state.update(part);
    }

    /// The digest.
    pub(crate) fn finish(self) -> Vec<u8> {
        let whole = Zeroizing::new(<[u8; 64]>::from(self.state.finalize()));
        whole[..self.length].to_vec()
    }

    /// The state, to go on from later.
    pub(crate) fn save(&self) -> Vec<u8> {
        self.state.serialize().to_vec()
    }

    /// What [`Sha512T::save`] gave, as it was.
    pub(crate) fn restore(t: Truncation, saved: &[u8]) -> Option<Self> {
        let state = Sha512::deserialize(saved.try_into().ok()?).ok()?;
        Some(Self { state, length: t.len() })
    }
}

/// SHA-512 from another state on.
fn from_state(words: &[u8]) -> Option<Sha512> {
    let mut state = Sha512::new().serialize();
    state.get_mut(..STATE)?.copy_from_slice(words);
    Sha512::deserialize(&state).ok()
}

#[cfg(test)]
mod tests {
    use sha2::Sha512_224;

    use super::*;

    #[test]
    fn with_224_bits_it_is_the_approved_hash_also_when_it_was_saved() {
        let t = Truncation::new(224).unwrap();
        let mut hasher = Sha512T::new(t).unwrap();
        hasher.update(&[5; 200]);
        let mut restored = Sha512T::restore(t, &hasher.save()).unwrap();
        restored.update(b"end");
        let whole = [&[5; 200][..], b"end"].concat();
        assert_eq!(restored.finish()[..], Sha512_224::digest(whole)[..]);
        assert!(Sha512T::restore(t, &[0; 3]).is_none());
    }
}
