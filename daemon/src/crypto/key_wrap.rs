//! AES key wrap, RFC 3394, and with padding, RFC 5649 (both SP 800-38F), with the initial value of the standard or
//! one of the caller's.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Error;
use super::aes::{Aes, BLOCK};

/// A semiblock, which every length is a multiple of.
const HALF: usize = 8;
/// The longest value wrapped, in bytes.
const MAX: usize = 64 << 10;
/// The initial value of RFC 3394 section 2.2.3.1.
const INITIAL: [u8; HALF] = [0xa6; HALF];
/// The constant of RFC 5649 section 3.
const ALTERNATIVE: [u8; 4] = [0xa6, 0x59, 0x59, 0xa6];

/// Wraps at least 16 bytes, a multiple of 8.
pub(super) fn wrap(key: &Aes, initial: Option<[u8; HALF]>, value: &[u8]) -> Result<Vec<u8>, Error> {
    if value.len() < 2 * HALF || value.len() > MAX || !value.len().is_multiple_of(HALF) {
        return Err(Error::DataLength);
    }
    let mut wrapped = Vec::with_capacity(HALF + value.len());
    wrapped.extend_from_slice(&initial.unwrap_or(INITIAL));
    wrapped.extend_from_slice(value);
    forward(key, &mut wrapped)?;
    Ok(wrapped)
}

/// Unwraps what [`wrap`] gave.
pub(super) fn unwrap(
    key: &Aes,
    initial: Option<[u8; HALF]>,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if wrapped.len() < 3 * HALF || wrapped.len() > MAX || !wrapped.len().is_multiple_of(HALF) {
        return Err(Error::EncryptedDataLength);
    }
    let mut value = Zeroizing::new(wrapped.to_vec());
    backward(key, &mut value)?;
    let right = value[..HALF].ct_eq(&initial.unwrap_or(INITIAL));
    if bool::from(right) {
        Ok(Zeroizing::new(value[HALF..].to_vec()))
    } else {
        Err(Error::EncryptedDataInvalid)
    }
}

/// Wraps any bytes, at least one.
pub(super) fn wrap_padded(
    key: &Aes,
    alternative: Option<[u8; 4]>,
    value: &[u8],
) -> Result<Vec<u8>, Error> {
    let length = u32::try_from(value.len()).map_err(|_| Error::DataLength)?;
    if value.is_empty() || value.len() > MAX {
        return Err(Error::DataLength);
    }
    let mut wrapped = Vec::with_capacity(HALF + value.len().next_multiple_of(HALF));
    wrapped.extend_from_slice(&alternative.unwrap_or(ALTERNATIVE));
    wrapped.extend_from_slice(&length.to_be_bytes());
    wrapped.extend_from_slice(value);
    wrapped.resize(wrapped.capacity().min(HALF + value.len().next_multiple_of(HALF)), 0);
    // One block is encrypted as it is (RFC 5649 section 4.1).
    match wrapped.first_chunk_mut::<BLOCK>() {
        Some(block) if value.len() <= HALF => key.encrypt_block(block),
        _ => forward(key, &mut wrapped)?,
    }
    Ok(wrapped)
}

/// Unwraps what [`wrap_padded`] gave.
pub(super) fn unwrap_padded(
    key: &Aes,
    alternative: Option<[u8; 4]>,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    if wrapped.len() < 2 * HALF || wrapped.len() > MAX || !wrapped.len().is_multiple_of(HALF) {
        return Err(Error::EncryptedDataLength);
    }
    let mut value = Zeroizing::new(wrapped.to_vec());
    match <&mut [u8; BLOCK]>::try_from(&mut value[..]) {
        Ok(block) => key.decrypt_block(block),
        Err(_) => backward(key, &mut value)?,
    }
    let (front, padded) = value.split_at(HALF);
    let (constant, length) = front.split_at(4);
    let length = length.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    // What is wrong is not told apart (RFC 5649 section 3).
    let kept = length.min(padded.len());
    let is_length = length <= padded.len() && length + HALF > padded.len();
    let is_zero = padded[kept..].iter().fold(0, |all, byte| all | byte) == 0;
    let is_constant = constant.ct_eq(&alternative.unwrap_or(ALTERNATIVE));
    if bool::from(is_constant) & is_length & is_zero {
        Ok(Zeroizing::new(padded[..kept].to_vec()))
    } else {
        Err(Error::EncryptedDataInvalid)
    }
}

/// The wrapping function W of SP 800-38F section 6.1, over at least three semiblocks.
fn forward(key: &Aes, data: &mut [u8]) -> Result<(), Error> {
    let (first, rest) = data.split_first_chunk_mut::<HALF>().ok_or(Error::Internal)?;
    let mut block = Zeroizing::new([0; BLOCK]);
    let mut step = 0_u64;
    for _ in 0..6 {
        for half in rest.chunks_exact_mut(HALF) {
            step += 1;
            block[..HALF].copy_from_slice(first);
            block[HALF..].copy_from_slice(half);
            key.encrypt_block(&mut block);
            add(&mut block, step);
            first.copy_from_slice(&block[..HALF]);
            half.copy_from_slice(&block[HALF..]);
        }
    }
    Ok(())
}

/// Its inverse.
fn backward(key: &Aes, data: &mut [u8]) -> Result<(), Error> {
    let (first, rest) = data.split_first_chunk_mut::<HALF>().ok_or(Error::Internal)?;
    let mut block = Zeroizing::new([0; BLOCK]);
    let mut step = 6 * (rest.len() / HALF) as u64;
    for _ in 0..6 {
        for half in rest.chunks_exact_mut(HALF).rev() {
            block[..HALF].copy_from_slice(first);
            block[HALF..].copy_from_slice(half);
            add(&mut block, step);
            key.decrypt_block(&mut block);
            first.copy_from_slice(&block[..HALF]);
            half.copy_from_slice(&block[HALF..]);
            step -= 1;
        }
    }
    Ok(())
}

/// Adds the number of the step to the first half of a block.
fn add(block: &mut [u8; BLOCK], step: u64) {
    for (byte, of_step) in block.iter_mut().zip(step.to_be_bytes()) {
        *byte ^= of_step;
    }
}
