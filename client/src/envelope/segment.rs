//! One segment: AES-256-GCM, bound to the header, to its number and to whether it is the last.
//!
//! This is the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár (2015): the nonce is a prefix of the
//! envelope, the number of the segment, and 1 for the last one.

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};
use secrecy::{ExposeSecret, SecretSlice};

use super::Error;
use super::header::{BOUND, Header, PREFIX};

/// Bytes of an authentication tag.
pub(super) const TAG: usize = 16;

/// Whether something follows a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Inside,
    Last,
}

/// The cipher of one envelope; its key is wiped when dropped.
pub(super) struct Cipher {
    key: Box<Aes256Gcm>,
    bound: [u8; BOUND],
    prefix: [u8; PREFIX],
}

impl Cipher {
    pub(super) fn new(header: &Header, data_key: &SecretSlice<u8>) -> Result<Self, Error> {
        let key =
            Aes256Gcm::new_from_slice(data_key.expose_secret()).map_err(|_| Error::DataKey)?;
        Ok(Self { key: Box::new(key), bound: header.bound(), prefix: header.prefix() })
    }

    /// Encrypts a segment where it lies.
    pub(super) fn seal(
        &self,
        number: u64,
        place: Place,
        plaintext: &mut [u8],
    ) -> Result<[u8; TAG], Error> {
        let nonce = self.nonce(number, place)?;
        let tag = self.key.encrypt_inout_detached(&nonce, &self.bound, plaintext.into());
        tag.map(Into::into).map_err(|_| Error::TooLong)
    }

    /// Decrypts a segment where it lies; one that is not authentic stays as it is.
    pub(super) fn open(
        &self,
        number: u64,
        place: Place,
        ciphertext: &mut [u8],
        tag: [u8; TAG],
    ) -> Result<(), Error> {
        let nonce = self.nonce(number, place)?;
        self.key
            .decrypt_inout_detached(&nonce, &self.bound, ciphertext.into(), &Tag::from(tag))
            .map_err(|_| Error::Damaged { segment: number })
    }

    fn nonce(&self, number: u64, place: Place) -> Result<Nonce<aes_gcm::aead::consts::U12>, Error> {
        let number = u32::try_from(number).map_err(|_| Error::TooLong)?;
        let mut nonce = [0; 12];
        nonce[..PREFIX].copy_from_slice(&self.prefix);
        nonce[PREFIX..11].copy_from_slice(&number.to_be_bytes());
        nonce[11] = match place {
            Place::Inside => 0,
            Place::Last => 1,
        };
        Ok(nonce.into())
    }
}
