//! MGF1, RFC 8017 appendix B.2.1.

use coffer_protocol::mechanism::Hash;
use zeroize::Zeroizing;

use super::hash::digest;

/// Masks `data` in place.
pub(super) fn mask(kind: Hash, seed: &[u8], data: &mut [u8]) {
    for (counter, block) in (0_u32..).zip(data.chunks_mut(kind.len())) {
        let input = Zeroizing::new([seed, &counter.to_be_bytes()].concat());
        let pattern = Zeroizing::new(digest(kind, &input));
        for (byte, pattern) in block.iter_mut().zip(pattern.iter()) {
            *byte ^= pattern;
        }
    }
}
