//! XTS-AES, IEEE 1619 and SP 800-38E: whole data units, with ciphertext stealing.

use zeroize::{Zeroize, Zeroizing};

use super::Error;
use super::aes::{Aes, BLOCK, BlockMode};
use super::feedback::Way;

/// The longest data unit in bytes: 2^20 blocks (SP 800-38E).
const MAX: usize = 16 << 20;
/// Blocks that are processed at once.
const STRIDE: usize = 64;

/// A prepared pair of keys.
pub struct Xts {
    data: Aes,
    tweak: Aes,
}

impl Xts {
    /// Prepares 32 or 64 bytes: the key for data, and the one for tweaks.
    ///
    /// # Errors
    ///
    /// [`Error::KeySize`]; [`Error::KeyInvalid`] for two equal keys (FIPS 140-3 implementation guidance C.I).
    pub fn new(key: &[u8]) -> Result<Self, Error> {
        if !matches!(key.len(), 32 | 64) {
            return Err(Error::KeySize);
        }
        let (data, tweak) = key.split_at(key.len() / 2);
        if bool::from(subtle::ConstantTimeEq::ct_eq(data, tweak)) {
            return Err(Error::KeyInvalid);
        }
        Ok(Self { data: Aes::new(data)?, tweak: Aes::new(tweak)? })
    }

    /// The size of both keys in bits.
    pub const fn bits(&self) -> usize {
        2 * self.data.bits()
    }

    /// Encrypts or decrypts a data unit in place; `number` is its number, little-endian.
    ///
    /// # Errors
    ///
    /// [`Error::DataLength`] for less than a block, or more than 2^20.
    pub(super) fn apply(
        &self,
        way: Way,
        number: &[u8; BLOCK],
        unit: &mut [u8],
    ) -> Result<(), Error> {
        if !(BLOCK..=MAX).contains(&unit.len()) {
            return Err(Error::DataLength);
        }
        let mut tweak = Zeroizing::new(*number);
        self.tweak.encrypt_block(&mut tweak);
        let mut mode = match way {
            Way::Encrypt => BlockMode::ecb_encryptor(&self.data),
            Way::Decrypt => BlockMode::ecb_decryptor(&self.data),
        };
        let odd = unit.len() % BLOCK;
        // With stealing, the last whole block comes out of order.
        let ahead = unit.len() - odd - if odd == 0 { 0 } else { BLOCK };
        let (front, end) = unit.split_at_mut(ahead);
        let mut tweaks = Zeroizing::new(Vec::with_capacity(front.len().min(STRIDE * BLOCK)));
        for stride in front.chunks_mut(STRIDE * BLOCK) {
            tweaks.zeroize();
            for _ in 0..stride.len() / BLOCK {
                tweaks.extend_from_slice(&*tweak);
                double(&mut tweak);
            }
            add(stride, &tweaks);
            mode.apply(stride)?;
            add(stride, &tweaks);
        }
        if odd == 0 {
            return Ok(());
        }
        let mut next = tweak.clone();
        double(&mut next);
        // Decryption meets the tweaks in the other order.
        let (first, second) = match way {
            Way::Encrypt => (&tweak, &next),
            Way::Decrypt => (&next, &tweak),
        };
        let (block, rest) = end.split_at_mut(BLOCK);
        one(&mut mode, block, first)?;
        // The short block takes its end from the whole one, and gives it its own bytes.
        for (byte, other) in rest.iter_mut().zip(block.iter_mut()) {
            std::mem::swap(byte, other);
        }
        one(&mut mode, block, second)
    }
}

fn one(mode: &mut BlockMode, block: &mut [u8], tweak: &[u8; BLOCK]) -> Result<(), Error> {
    add(block, tweak);
    mode.apply(block)?;
    add(block, tweak);
    Ok(())
}

fn add(data: &mut [u8], tweaks: &[u8]) {
    for (byte, tweak) in data.iter_mut().zip(tweaks) {
        *byte ^= tweak;
    }
}

/// Multiplies by the primitive element of GF(2^128), in constant time.
fn double(tweak: &mut [u8; BLOCK]) {
    let number = u128::from_le_bytes(*tweak);
    let carry = (number >> 127) * 0x87;
    *tweak = (number << 1 ^ carry).to_le_bytes();
}
