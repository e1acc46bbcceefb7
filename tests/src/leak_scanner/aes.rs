//! The patterns of an AES-256 key: key schedule (FIPS 197), the subkeys of CMAC (SP 800-38B), and GCM's hash
//! key (SP 800-38D) in the form of POLYVAL (RFC 8452), which is what software keeps.

use ::aes::Aes256;
use ::aes::cipher::{BlockCipherEncrypt, KeyInit};

use super::Named;

/// The number of rounds of AES-256.
const ROUNDS: usize = 14;
/// The powers of the hash key that are searched for: implementations keep four or eight.
const POWERS: usize = 8;

/// The forms of a key, whatever the mode.
pub fn patterns(key: &[u8; 32]) -> Named {
    let mut patterns = vec![("AES key".to_owned(), key.to_vec())];
    let round_keys = expand(key);
    for (round, round_key) in round_keys.iter().enumerate().skip(2) {
        patterns.push((format!("AES round key {round}"), round_key.to_vec()));
    }
    for (round, round_key) in round_keys.iter().enumerate().take(ROUNDS).skip(1) {
        let inverse = inverse_mix_columns(round_key);
        patterns.push((format!("AES decryption round key {round}"), inverse.to_vec()));
    }
    // Implementations that compute with words have them in the order of the machine.
    for (round, words) in round_keys.as_flattened().chunks_exact(32).enumerate() {
        let swapped = words.chunks_exact(4).flat_map(|word| word.iter().rev().copied());
        patterns.push((format!("AES round keys {round} x 2 as words"), swapped.collect()));
    }
    let hash_key = encrypt(key, [0; 16]);
    patterns.push(("GHASH key".to_owned(), hash_key.to_vec()));
    let mut subkey = hash_key;
    for name in ["CMAC K1", "CMAC K2"] {
        subkey = doubled(u128::from_be_bytes(subkey)).to_be_bytes();
        patterns.push((name.to_owned(), subkey.to_vec()));
    }
    let first = times_x(u128::from_be_bytes(hash_key));
    let mut power = first;
    for exponent in 1..=POWERS {
        patterns.push((format!("POLYVAL key ^ {exponent}"), power.to_le_bytes().to_vec()));
        power = dot(power, first);
    }
    patterns
}

fn encrypt(key: &[u8; 32], block: [u8; 16]) -> [u8; 16] {
    let mut block = block.into();
    Aes256::new(&(*key).into()).encrypt_block(&mut block);
    block.into()
}

/// Expands a key into its round keys (FIPS 197 section 5.2).
fn expand(key: &[u8; 32]) -> [[u8; 16]; ROUNDS + 1] {
    let mut words = [[0_u8; 4]; 4 * (ROUNDS + 1)];
    for (word, bytes) in words.iter_mut().zip(key.chunks_exact(4)) {
        word.copy_from_slice(bytes);
    }
    let mut round_constant = 1;
    for index in 8..words.len() {
        let mut word = words[index - 1];
        if index % 8 == 0 {
            word.rotate_left(1);
            word = word.map(substitute);
            word[0] ^= round_constant;
            round_constant = times_two(round_constant);
        } else if index % 8 == 4 {
            word = word.map(substitute);
        }
        for (byte, other) in word.iter_mut().zip(words[index - 8]) {
            *byte ^= other;
        }
        words[index] = word;
    }
    let mut round_keys = [[0; 16]; ROUNDS + 1];
    for (bytes, word) in round_keys.as_flattened_mut().chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word);
    }
    round_keys
}

/// The S-box (FIPS 197 section 5.1.1), computed: the inverse, then an affine map.
fn substitute(byte: u8) -> u8 {
    let inverse = (0..=255).find(|&other| times(byte, other) == 1).unwrap_or(0);
    (0..5).fold(0x63, |sum, by| sum ^ inverse.rotate_left(by))
}

/// The round key of the equivalent inverse cipher (FIPS 197 section 5.3.5), which AES-NI uses.
fn inverse_mix_columns(round_key: &[u8; 16]) -> [u8; 16] {
    let mut mixed = [0; 16];
    for (result, column) in mixed.chunks_exact_mut(4).zip(round_key.chunks_exact(4)) {
        for (row, byte) in result.iter_mut().enumerate() {
            *byte = (0..4).fold(0, |sum, other| {
                sum ^ times([14, 11, 13, 9][other], column[(row + other) % 4])
            });
        }
    }
    mixed
}

fn times_two(byte: u8) -> u8 {
    (byte << 1) ^ if byte & 0x80 == 0 { 0 } else { 0x1b }
}

/// Multiplies in GF(2^8) (FIPS 197 section 4.2).
fn times(mut left: u8, right: u8) -> u8 {
    let mut product = 0;
    for bit in 0..8 {
        if right >> bit & 1 == 1 {
            product ^= left;
        }
        left = times_two(left);
    }
    product
}

/// Doubles in the field of CMAC (SP 800-38B section 6.1).
fn doubled(value: u128) -> u128 {
    (value << 1) ^ if value >> 127 == 0 { 0 } else { 0x87 }
}

/// Multiplies by x in POLYVAL's field: makes POLYVAL's key of GHASH's (RFC 8452 appendix A).
fn times_x(value: u128) -> u128 {
    (value << 1) ^ if value >> 127 == 0 { 0 } else { 0xc2 << 120 | 1 }
}

/// The product a · b · x^-128 in POLYVAL's field (RFC 8452 section 3).
fn dot(left: u128, right: u128) -> u128 {
    let mut product = 0;
    for bit in 0..128 {
        if right >> bit & 1 == 1 {
            product ^= left;
        }
        product = (product >> 1) ^ if product & 1 == 0 { 0 } else { 0xe1 << 120 };
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(hex: &str) -> u128 {
        u128::from_le_bytes(hex::decode(hex).unwrap().try_into().unwrap())
    }

    /// FIPS 197 appendix A.3.
    #[test]
    fn the_key_schedule_is_that_of_the_standard() {
        let key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
        let round_keys = expand(&hex::decode(key).unwrap().try_into().unwrap());
        assert_eq!(hex::encode(round_keys[2]), "9ba354118e6925afa51a8b5f2067fcde");
        assert_eq!(hex::encode(round_keys[14]), "fe4890d1e6188d0b046df344706c631e");
    }

    /// FIPS 197 appendix B: the state before and after `MixColumns` in round 1.
    #[test]
    fn inverse_mix_columns_undoes_the_example_of_the_standard() {
        let mixed = hex::decode("046681e5e0cb199a48f8d37a2806264c").unwrap();
        let before = inverse_mix_columns(&mixed.try_into().unwrap());
        assert_eq!(hex::encode(before), "d4bf5d30e0b452aeb84111f11e2798e5");
    }

    /// RFC 8452 appendix A.
    #[test]
    fn polyval_is_that_of_the_standard() {
        let key = number("25629347589242761d31f826ba4b757b");
        let one = number("4f4f95668c83dfb6401762bb2d01a262");
        let two = number("d1a24ddd2721d006bbe45f20d3c9f362");
        let result = dot(dot(one, key) ^ two, key);
        assert_eq!(result, number("f7a3b47b846119fae5b7866cf5e5b77e"));
    }

    /// RFC 8452 appendix A.
    #[test]
    fn the_key_of_ghash_becomes_that_of_polyval() {
        assert_eq!(times_x(number("01000000000000000000000000000000")), 2);
        let value = number("9c98c04df9387ded828175a92ba652d8");
        assert_eq!(times_x(value), number("3931819bf271fada0503eb52574ca572"));
    }

    /// SP 800-38B appendix D.3.
    #[test]
    fn the_subkeys_of_cmac_are_those_of_the_standard() {
        let l = u128::from_be_bytes(hex(b"e568f68194cf76d6174d4cc04310a854"));
        assert_eq!(doubled(l), u128::from_be_bytes(hex(b"cad1ed03299eedac2e9a99808621502f")));
        let k2 = u128::from_be_bytes(hex(b"95a3da06533ddb585d3533010c42a0d9"));
        assert_eq!(doubled(doubled(l)), k2);
    }

    fn hex(digits: &[u8]) -> [u8; 16] {
        hex::decode(digits).unwrap().try_into().unwrap()
    }

    #[test]
    fn every_pattern_is_named_once() {
        let mut names: Vec<_> = patterns(&[7; 32]).into_iter().map(|(name, _)| name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!((names.len(), count), (count, 1 + 13 + 13 + 7 + 1 + 2 + 8));
    }
}
