//! ChaCha20-Poly1305, RFC 8439, in place.

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use coffer_protocol::mechanism::ChaChaPolyParameter;

use super::Error;

/// The length of a tag.
const TAG: usize = 16;

/// Encrypts the first `length` bytes of `buffer` in place and writes the tag behind them.
pub(super) fn encrypt(
    key: &[u8],
    parameter: &ChaChaPolyParameter,
    buffer: &mut [u8],
    length: usize,
) -> Result<usize, Error> {
    let cipher = ChaCha20Poly1305::new_from_slice(key).map_err(|_| Error::KeySize)?;
    let (data, rest) = buffer.split_at_mut_checked(length).ok_or(Error::Internal)?;
    let room = rest.get_mut(..TAG).ok_or(Error::Internal)?;
    let tag = cipher
        .encrypt_inout_detached((&parameter.nonce).into(), &parameter.aad, InOutBuf::from(data))
        .map_err(|_| Error::DataLength)?;
    room.copy_from_slice(&tag);
    Ok(length + TAG)
}

/// Checks the tag at the end of `buffer`, then decrypts what stands before it in place.
pub(super) fn decrypt(
    key: &[u8],
    parameter: &ChaChaPolyParameter,
    buffer: &mut [u8],
) -> Result<usize, Error> {
    let cipher = ChaCha20Poly1305::new_from_slice(key).map_err(|_| Error::KeySize)?;
    let (data, tag) = buffer.split_last_chunk_mut::<TAG>().ok_or(Error::EncryptedDataLength)?;
    let length = data.len();
    cipher
        .decrypt_inout_detached(
            (&parameter.nonce).into(),
            &parameter.aad,
            InOutBuf::from(data),
            (&*tag).into(),
        )
        .map_err(|_| Error::EncryptedDataInvalid)?;
    Ok(length)
}
