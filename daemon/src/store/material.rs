//! Key material: each version of a key is sealed under a wrapping key of its own, which is wrapped
//! under the epoch key of the key's shard.

use super::epoch::{Epochs, Place};
use super::keys::{Keys, StoreId};
use super::{KeyId, MaterialError, RecordId, Table};
use crate::seal::aead;
use crate::vault::{Inside, Public, Release, Secret, SecretBytes};

/// Longest key material of one version.
pub const LONGEST_MATERIAL: usize = 64 << 10;

const LABEL: &str = "coffer/1/material";

/// Key material ready to be put into a batch.
pub struct SealedMaterial {
    pub(super) key: KeyId,
    /// As wide as the fields beside it: what leaves the vault has no padding.
    version: u64,
    pub(super) wrapping: Secret<32>,
    pub(super) sealed: Vec<u8>,
}

impl Release for SealedMaterial {}

impl SealedMaterial {
    pub(super) fn seal(
        inside: &Inside<'_>,
        store: &StoreId,
        (key, version): (KeyId, u32),
        material: &[u8],
    ) -> Result<Self, MaterialError> {
        if material.len() > LONGEST_MATERIAL {
            return Err(MaterialError::TooLong);
        }
        let mut wrapping = Secret::<32>::new(inside, [0; 32])?;
        getrandom::fill(wrapping.get_mut(inside)).map_err(|_| MaterialError::Random)?;
        let mut buffer = SecretBytes::zeroed(inside, material.len() + aead::OVERHEAD)?;
        buffer.get_mut(inside)[aead::FRONT..aead::FRONT + material.len()].copy_from_slice(material);
        let place = Place { store, key, version }.associated();
        aead::seal(wrapping.get(inside), LABEL, &place, buffer.get_mut(inside))
            .map_err(|_| MaterialError::Random)?;
        let Public(sealed) = inside.publish(buffer.get(inside));
        Ok(Self { key, version: version.into(), wrapping, sealed })
    }

    pub(super) fn version(&self) -> u32 {
        u32::try_from(self.version).expect("it was widened from a u32")
    }

    pub(super) fn id(&self) -> RecordId {
        RecordId::of_version(self.key, self.version())
    }
}

/// The two stored records of one version of a key.
pub(super) struct StoredMaterial {
    pub(super) wrapping: Vec<u8>,
    pub(super) material: Vec<u8>,
}

impl StoredMaterial {
    pub(super) fn open(
        mut self,
        inside: &Inside<'_>,
        keys: &Keys,
        epochs: &Epochs,
        (key, version): (KeyId, u32),
    ) -> Result<SecretBytes, MaterialError> {
        let id = RecordId::of_version(key, version);
        let place = Place { store: &keys.store, key, version };
        let wrapped = keys
            .open_inside(inside, Table::Wrapping, id, &mut self.wrapping)
            .map_err(|_| MaterialError::WrappingDoesNotOpen)?;
        let mut buffer = SecretBytes::copy_from(inside, wrapped)?;
        let wrapping = epochs.unwrap(inside, &place, buffer.get_mut(inside))?;
        let sealed = keys
            .open_inside(inside, Table::Material, id, &mut self.material)
            .map_err(|_| MaterialError::DoesNotOpen)?;
        let mut opened = SecretBytes::copy_from(inside, sealed)?;
        let range = aead::open(wrapping, LABEL, &place.associated(), opened.get_mut(inside))
            .map_err(|_| MaterialError::DoesNotOpen)?;
        Ok(SecretBytes::copy_from(inside, &opened.get(inside)[range])?)
    }
}
