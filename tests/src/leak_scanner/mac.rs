//! The patterns of HMAC (FIPS 198-1) and of HKDF (RFC 5869), which is made of it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::block_api::{compress256, compress512};
use sha2::{Sha256, digest};

use super::Named;

/// A hash under HMAC.
#[derive(Debug, Clone, Copy)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// SHA3-256, whose states are not computed.
    Sha3,
}

/// The initial values (FIPS 180-4 sections 5.3.3 and 5.3.5).
const INITIAL_256: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
const INITIAL_512: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

impl Hash {
    const fn block(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
            Self::Sha3 => 136,
        }
    }

    /// The forms of the state after one block: its words as memory has them, upside down, and in the order
    /// in which the processor's instructions for SHA-256 keep them.
    fn states(self, name: &str, block: &[u8]) -> Named {
        match self {
            Self::Sha256 => {
                let mut state = INITIAL_256;
                compress256(&mut state, &[block.try_into().expect("a block")]);
                let in_registers = [5, 4, 1, 0, 7, 6, 3, 2].map(|word| state[word]);
                let words = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect();
                vec![
                    (format!("{name}, state"), words(&state)),
                    (
                        format!("{name}, big-endian state"),
                        state.iter().flat_map(|w| w.to_be_bytes()).collect(),
                    ),
                    (format!("{name}, state for SHA-NI"), words(&in_registers)),
                ]
            }
            Self::Sha512 => {
                let mut state = INITIAL_512;
                compress512(&mut state, &[block.try_into().expect("a block")]);
                vec![
                    (
                        format!("{name}, state"),
                        state.iter().flat_map(|w| w.to_le_bytes()).collect(),
                    ),
                    (
                        format!("{name}, big-endian state"),
                        state.iter().flat_map(|w| w.to_be_bytes()).collect(),
                    ),
                ]
            }
            Self::Sha3 => Vec::new(),
        }
    }
}

/// The forms of a key no longer than a block: the key, both padded blocks, and the states after them.
///
/// # Panics
/// Where the key is longer.
pub fn hmac(hash: Hash, name: &str, key: &[u8]) -> Named {
    let mut patterns = vec![(name.to_owned(), key.to_vec())];
    for (which, pad) in [("inner", 0x36), ("outer", 0x5c)] {
        let mut block = vec![0; hash.block()];
        block[..key.len()].copy_from_slice(key);
        for byte in &mut block {
            *byte ^= pad;
        }
        let name = format!("{name}, {which} block");
        patterns.push((name.clone(), block.clone()));
        patterns.extend(hash.states(&name, &block));
    }
    patterns
}

/// HMAC-SHA-256 of parts, one after the other.
///
/// # Panics
/// Never: a key may have any length.
pub fn hmac_sha256(key: &[u8], data: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("a key of any length");
    for part in data {
        mac.update(part);
    }
    let code: digest::Output<Sha256> = mac.finalize().into_bytes();
    code.into()
}

/// The forms of a base key of HKDF-SHA-256: the base key, where it is extracted, the pseudorandom key, and
/// the 32 bytes of output.
pub fn hkdf_sha256(name: &str, key: &[u8], salt: &[u8], info: &[u8]) -> Named {
    let extracted = hmac_sha256(salt, &[key]);
    let output = hmac_sha256(&extracted, &[info, &[1]]);
    let mut patterns = vec![
        (format!("{name}, base key"), key.to_vec()),
        (format!("{name}, output"), output.to_vec()),
    ];
    patterns.extend(hmac(Hash::Sha256, &format!("{name}, pseudorandom key"), &extracted));
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HMAC from the states: the message's blocks follow on them.
    #[test]
    fn the_states_are_those_that_hmac_goes_on_with() {
        let key = [9; 32];
        let patterns = hmac(Hash::Sha256, "key", &key);
        let state = |name: &str| {
            let (_, bytes) = patterns.iter().find(|(pattern, _)| pattern == name).unwrap();
            let words = bytes.chunks_exact(4).map(|w| u32::from_le_bytes(w.try_into().unwrap()));
            <[u32; 8]>::try_from(words.collect::<Vec<_>>()).unwrap()
        };
        let finish = |mut state: [u32; 8], data: &[u8]| {
            let mut block = [0; 64];
            block[..data.len()].copy_from_slice(data);
            block[data.len()] = 0x80;
            block[56..].copy_from_slice(&(512 + 8 * data.len() as u64).to_be_bytes());
            compress256(&mut state, &[block]);
            state.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>()
        };
        let inner = finish(state("key, inner block, state"), b"data");
        let outer = finish(state("key, outer block, state"), &inner);
        assert_eq!(outer, hmac_sha256(&key, &[b"data"]));
    }

    /// RFC 5869 appendix A.1, the first 32 bytes.
    #[test]
    fn hkdf_is_that_of_the_standard() {
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let patterns = hkdf_sha256("HKDF", &[0x0b; 22], &salt, &info);
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf";
        assert_eq!(hex::encode(&patterns[1].1), expected);
    }
}
