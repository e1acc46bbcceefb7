//! Arithmetic with the numbers of keys, in time that depends on them: this is a test.

use ::rsa::BoxedUint;

/// Reduces a value; the result has the length of the modulus.
pub(super) fn reduce_by(modulus: &BoxedUint, value: &BoxedUint) -> BoxedUint {
    let modulus = modulus.to_nz().expect("no modulus of a key is 0");
    value.rem_vartime(&modulus)
}

/// Multiplies without losing the upper half.
pub(super) fn product(left: &BoxedUint, right: &BoxedUint) -> BoxedUint {
    let bits = left.bits_precision() + right.bits_precision();
    widened(left, bits).wrapping_mul(widened(right, bits))
}

/// The same number with room for more.
pub(super) fn widened(value: &BoxedUint, bits: u32) -> BoxedUint {
    BoxedUint::from_be_slice(&value.to_be_bytes(), bits).expect("there is room for it")
}

/// A number of whole limbs of 64 bits.
pub(super) fn number(big_endian: &[u8]) -> BoxedUint {
    let limbs = u32::try_from(big_endian.len().div_ceil(8)).expect("short");
    BoxedUint::from_be_slice(big_endian, 64 * limbs).expect("there is room for it")
}

/// The number in limbs of 52 bits, each in 64 bits of memory, the lowest first: what AVX-512 IFMA and
/// curve25519-dalek compute with.
pub(super) fn in_radix_52(big_endian: &[u8]) -> Vec<u8> {
    let bit = |index: usize| {
        let byte = big_endian.len().checked_sub(1 + index / 8);
        byte.is_some_and(|byte| big_endian[byte] >> (index % 8) & 1 == 1)
    };
    let limbs = (8 * big_endian.len()).div_ceil(52);
    let limb = |at: usize| (0..52).fold(0, |sum, of| sum | u64::from(bit(52 * at + of)) << of);
    (0..limbs).flat_map(|at| u64::to_le_bytes(limb(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limbs_of_52_bits_have_the_bits_of_the_number() {
        let bytes = (1_u128 << 52 | 5).to_be_bytes();
        let limbs = in_radix_52(&bytes);
        assert_eq!(limbs.len(), 24);
        assert_eq!(limbs[..8], 5_u64.to_le_bytes());
        assert_eq!(limbs[8..16], 1_u64.to_le_bytes());
        let all = in_radix_52(&[0xff; 16]);
        assert_eq!(all[..8], ((1_u64 << 52) - 1).to_le_bytes());
        assert_eq!(all[16..], ((1_u64 << 24) - 1).to_le_bytes());
    }
}
