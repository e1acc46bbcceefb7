//! AES key wrap, RFC 3394, and with padding, RFC 5649 (both SP 800-38F).

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, consts::U16};
use aes_kw::InnerInit as _;
use aes_kw::{AesKw, AesKwp};
use zeroize::Zeroizing;

use super::Error;

/// A semiblock, which every length is a multiple of.
const HALF: usize = 8;
/// The longest value wrapped, in bytes.
const MAX: usize = 64 << 10;

/// Wraps at least 16 bytes, a multiple of 8.
pub(super) fn wrap<C>(cipher: &C, value: &[u8]) -> Result<Vec<u8>, Error>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    if value.len() < 2 * HALF || value.len() > MAX || !value.len().is_multiple_of(HALF) {
        return Err(Error::DataLength);
    }
    let mut wrapped = vec![0; value.len() + HALF];
    let length = AesKw::inner_init(cipher).wrap_key(value, &mut wrapped);
    length.map_err(|_| Error::DataLength)?;
    Ok(wrapped)
}

/// Unwraps what [`wrap`] gave.
pub(super) fn unwrap<C>(cipher: &C, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error>
where
    C: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>,
{
    if wrapped.len() < 3 * HALF || wrapped.len() > MAX || !wrapped.len().is_multiple_of(HALF) {
        return Err(Error::EncryptedDataLength);
    }
    let mut value = Zeroizing::new(vec![0; wrapped.len() - HALF]);
    let done = AesKw::inner_init(cipher).unwrap_key(wrapped, &mut value);
    done.map_err(|_| Error::EncryptedDataInvalid)?;
    Ok(value)
}

/// Wraps any bytes, at least one.
pub(super) fn wrap_padded<C>(cipher: &C, value: &[u8]) -> Result<Vec<u8>, Error>
where
    C: BlockCipherEncrypt + BlockSizeUser<BlockSize = U16>,
{
    if value.is_empty() || value.len() > MAX {
        return Err(Error::DataLength);
    }
    let mut wrapped = vec![0; value.len().next_multiple_of(HALF) + HALF];
    let length = AesKwp::inner_init(cipher).wrap_key(value, &mut wrapped);
    length.map_err(|_| Error::DataLength)?;
    Ok(wrapped)
}

/// Unwraps what [`wrap_padded`] gave.
pub(super) fn unwrap_padded<C>(cipher: &C, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error>
where
    C: BlockCipherDecrypt + BlockSizeUser<BlockSize = U16>,
{
    if wrapped.len() < 2 * HALF || wrapped.len() > MAX || !wrapped.len().is_multiple_of(HALF) {
        return Err(Error::EncryptedDataLength);
    }
    let mut value = Zeroizing::new(vec![0; wrapped.len()]);
    let done = AesKwp::inner_init(cipher).unwrap_key(wrapped, &mut value);
    let length = done.map_err(|_| Error::EncryptedDataInvalid)?.len();
    value.truncate(length);
    Ok(value)
}
