//! The keys of one backup, from its passphrase.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use coffer_protocol::ErrorCode;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::header::COSTS;
use super::{Header, TAG};
use crate::Error;
use crate::crypto::password::{self, Matrix};
use crate::crypto::random;
use crate::seal::aead;
use crate::service::Payload;
use crate::store::{KeyId, MaterialError, SealedMaterial};
use crate::vault::{self, Depth, Inside, Public, Secret, SecretBytes};

const STREAM: &str = "coffer/1/backup-stream";
const MATERIAL: &str = "coffer/1/backup-material";
const CHECK: &str = "coffer/1/backup-check";

/// Whether a chunk is the last of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Middle = 0,
    Last = 1,
}

/// Seals and opens one backup.
pub(super) struct BackupKey {
    stream: Secret<32>,
    material: Secret<32>,
}

impl BackupKey {
    /// The keys of a new backup, and its header.
    pub(super) fn new(
        passphrase: &Payload<'_>,
        created: i64,
        generation: u64,
    ) -> Result<(Self, Header), Error> {
        let (salt, check) = (random::array()?, [0; 32]);
        let mut header = Header { costs: COSTS, salt, created, generation, check };
        let (key, check) = Self::derive(passphrase, &header)?;
        header.check = check;
        Ok((key, header))
    }

    /// The keys of an existing one.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::BackupPassphrase`] where the passphrase does not belong to the header.
    pub(super) fn open(passphrase: &Payload<'_>, header: &Header) -> Result<Self, Error> {
        let (key, check) = Self::derive(passphrase, header)?;
        if bool::from(check.ct_eq(&header.check)) {
            Ok(key)
        } else {
            Err(ErrorCode::BackupPassphrase.into())
        }
    }

    fn derive(passphrase: &Payload<'_>, header: &Header) -> Result<(Self, [u8; 32]), Error> {
        let params = header.costs.params(32)?;
        let mut matrix = Matrix::new(params.block_count())?;
        let bound = header.bound();
        let derived = vault::run(Depth::Small, |inside| {
            let mut base = Zeroizing::new([0; 32]);
            let bytes = passphrase.bytes(inside);
            if !password::derive(bytes, &header.salt, params, &mut matrix, &mut *base) {
                return Ok(None);
            }
            let stream = Secret::new(inside, *aead::derive(&base, STREAM, &bound))?;
            let material = Secret::new(inside, *aead::derive(&base, MATERIAL, &bound))?;
            Ok::<_, vault::Error>(Some((
                stream,
                material,
                Public(*aead::derive(&base, CHECK, &bound)),
            )))
        })??;
        let (stream, material, Public(check)) = derived.ok_or(ErrorCode::Internal)?;
        Ok((Self { stream, material }, check))
    }

    /// Seals a chunk in place and appends its tag.
    pub(super) fn seal_chunk(
        &self,
        number: u32,
        place: Place,
        chunk: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut tag = [0; TAG];
        let sealed = vault::run(Depth::Small, |inside| {
            let body = chunk.as_mut_slice().into();
            match self.cipher(inside).encrypt_inout_detached(&nonce(number, place), b"", body) {
                Ok(made) => {
                    tag.copy_from_slice(&made);
                    true
                }
                Err(_) => false,
            }
        })?;
        if !sealed {
            return Err(ErrorCode::Internal.into());
        }
        chunk.extend_from_slice(&tag);
        Ok(())
    }

    /// Opens a chunk in place and takes its tag off; says whether it is the one of that number and place.
    pub(super) fn open_chunk(
        &self,
        number: u32,
        place: Place,
        chunk: &mut Vec<u8>,
    ) -> Result<bool, Error> {
        let Some(length) = chunk.len().checked_sub(TAG) else { return Ok(false) };
        let (body, tag) = chunk.split_at_mut(length);
        let Ok(tag) = Tag::try_from(&*tag) else { return Ok(false) };
        let opened = vault::run(Depth::Small, |inside| {
            let nonce = nonce(number, place);
            self.cipher(inside).decrypt_inout_detached(&nonce, b"", body.into(), &tag).is_ok()
        })?;
        chunk.truncate(length);
        Ok(opened)
    }

    /// Seals key material for the file.
    pub(super) fn seal_material(
        &self,
        inside: &Inside<'_>,
        place: (KeyId, u32),
        material: &[u8],
    ) -> Result<Public<Vec<u8>>, MaterialError> {
        let mut buffer = SecretBytes::zeroed(inside, material.len() + aead::OVERHEAD)?;
        buffer.get_mut(inside)[aead::FRONT..aead::FRONT + material.len()].copy_from_slice(material);
        let key = self.material.get(inside);
        aead::seal(key, MATERIAL, &associated(place), buffer.get_mut(inside))
            .map_err(|_| MaterialError::Random)?;
        Ok(inside.publish(buffer.get(inside)))
    }

    /// Whether sealed material opens.
    pub(super) fn opens(&self, place: (KeyId, u32), sealed: &[u8]) -> Result<bool, Error> {
        let opened = vault::run(Depth::Small, |inside| {
            self.with_material(inside, place, sealed, |_| Ok(()))
        })?;
        match opened {
            Ok(()) => Ok(true),
            Err(MaterialError::DoesNotOpen) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens material and seals it anew for a store.
    pub(super) fn reseal(
        &self,
        store: &[u8; 16],
        place: (KeyId, u32),
        sealed: &[u8],
    ) -> Result<SealedMaterial, Error> {
        vault::run(Depth::Small, |inside| {
            self.with_material(inside, place, sealed, |material| {
                SealedMaterial::for_store(inside, store, place, material)
            })
        })?
        .map_err(Error::from)
    }

    fn with_material<T>(
        &self,
        inside: &Inside<'_>,
        place: (KeyId, u32),
        sealed: &[u8],
        f: impl FnOnce(&[u8]) -> Result<T, MaterialError>,
    ) -> Result<T, MaterialError> {
        let mut buffer = SecretBytes::copy_from(inside, sealed)?;
        let key = self.material.get(inside);
        let range = aead::open(key, MATERIAL, &associated(place), buffer.get_mut(inside))
            .map_err(|_| MaterialError::DoesNotOpen)?;
        f(&buffer.get(inside)[range])
    }

    fn cipher(&self, inside: &Inside<'_>) -> Aes256Gcm {
        Aes256Gcm::new(self.stream.get(inside).into())
    }
}

/// Seven zeros, as the key is of this file alone, then the number and the mark of the last one.
fn nonce(number: u32, place: Place) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut nonce = [0; 12];
    nonce[7..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = place as u8;
    nonce.into()
}

fn associated((key, version): (KeyId, u32)) -> [u8; 20] {
    let mut associated = [0; 20];
    associated[..16].copy_from_slice(&key.0);
    associated[16..].copy_from_slice(&version.to_be_bytes());
    associated
}
