//! Authenticated encryption with 12-byte nonces and 16-byte tags, for the KMS blob.
//!
//! AES-256-GCM (SP 800-38D) and SM4-GCM (RFC 8998). The caller sees to it that no nonce repeats
//! under one key, best by deriving a key for each message.

use aes_gcm::aead::consts::U12;
use aes_gcm::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use aes_gcm::{Aes256Gcm, AesGcm};
use sm4::Sm4;

use super::Error;

/// The length of a nonce.
pub const NONCE: usize = 12;
/// The length of a tag.
pub const TAG: usize = 16;

/// SM4 in the mode of AES-GCM.
type Sm4Gcm = AesGcm<Sm4, U12>;

/// An authenticated cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aead {
    /// AES-256-GCM.
    Aes256Gcm,
    /// SM4-GCM.
    Sm4Gcm,
}

impl Aead {
    /// The length of a key.
    pub const fn key_len(self) -> usize {
        match self {
            Self::Aes256Gcm => 32,
            Self::Sm4Gcm => 16,
        }
    }

    /// Encrypts `data` in place and gives the tag.
    pub fn seal(
        self,
        key: &[u8],
        nonce: &[u8; NONCE],
        aad: &[u8],
        data: &mut [u8],
    ) -> Result<[u8; TAG], Error> {
        match self {
            Self::Aes256Gcm => seal::<Aes256Gcm>(key, nonce, aad, data),
            Self::Sm4Gcm => seal::<Sm4Gcm>(key, nonce, aad, data),
        }
    }

    /// Checks the tag, then decrypts `data` in place; if the tag is wrong, `data` is unchanged.
    pub fn open(
        self,
        key: &[u8],
        nonce: &[u8; NONCE],
        aad: &[u8],
        data: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<(), Error> {
        match self {
            Self::Aes256Gcm => open::<Aes256Gcm>(key, nonce, aad, data, tag),
            Self::Sm4Gcm => open::<Sm4Gcm>(key, nonce, aad, data, tag),
        }
    }
}

fn seal<C>(key: &[u8], nonce: &[u8; 12], aad: &[u8], data: &mut [u8]) -> Result<[u8; TAG], Error>
where
    C: KeyInit + AeadInOut<NonceSize = U12, TagSize = aes_gcm::aead::consts::U16>,
{
    let cipher = C::new_from_slice(key).map_err(|_| Error::KeySize)?;
    let data = InOutBuf::from(data);
    let tag = cipher.encrypt_inout_detached(nonce.into(), aad, data);
    Ok(tag.map_err(|_| Error::DataLength)?.into())
}

fn open<C>(
    key: &[u8],
    nonce: &[u8; 12],
    aad: &[u8],
    data: &mut [u8],
    tag: &[u8; TAG],
) -> Result<(), Error>
where
    C: KeyInit + AeadInOut<NonceSize = U12, TagSize = aes_gcm::aead::consts::U16>,
{
    let cipher = C::new_from_slice(key).map_err(|_| Error::KeySize)?;
    let data = InOutBuf::from(data);
    let opened = cipher.decrypt_inout_detached(nonce.into(), aad, data, tag.into());
    opened.map_err(|_| Error::EncryptedDataInvalid)
}
