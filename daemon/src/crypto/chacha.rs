//! ChaCha20-Poly1305, RFC 8439, in place; and ChaCha20 alone, as a stream.

use chacha20::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use chacha20::{ChaCha20, ChaCha20Legacy};
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use coffer_protocol::mechanism::{ChaCha, ChaChaPolyParameter};

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

/// ChaCha20 without authentication under way.
pub(super) enum Stream {
    /// With a nonce of 96 bits and a counter of 32 (RFC 8439).
    Ietf(ChaCha20),
    /// With 64 bits of each (Bernstein).
    Original(ChaCha20Legacy),
}

impl Stream {
    /// Begins at a block.
    pub(super) fn new(key: &[u8], parameter: &ChaCha) -> Result<Self, Error> {
        /// Bytes of a block.
        const BLOCK: u128 = 64;
        Ok(match parameter {
            ChaCha::Ietf { nonce, block } => {
                let mut cipher =
                    ChaCha20::new_from_slices(key, nonce).map_err(|_| Error::KeySize)?;
                cipher.try_seek(u128::from(*block) * BLOCK).map_err(|_| Error::Parameter)?;
                Self::Ietf(cipher)
            }
            ChaCha::Original { nonce, block } => {
                let cipher = ChaCha20Legacy::new_from_slices(key, nonce);
                let mut cipher = cipher.map_err(|_| Error::KeySize)?;
                cipher.try_seek(u128::from(*block) * BLOCK).map_err(|_| Error::Parameter)?;
                Self::Original(cipher)
            }
        })
    }

    /// Encrypts or decrypts the next part in place.
    ///
    /// # Errors
    ///
    /// [`Error::DataLength`] where the counter ends.
    pub(super) fn apply(&mut self, data: &mut [u8]) -> Result<(), Error> {
        match self {
            Self::Ietf(cipher) => cipher.try_apply_keystream(data),
            Self::Original(cipher) => cipher.try_apply_keystream(data),
        }
        .map_err(|_| Error::DataLength)
    }
}
