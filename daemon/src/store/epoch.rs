//! Epoch keys: 256 keys in a small file beside the store, never in a backup, that wrap the
//! wrapping keys of all key material. Destroying a key replaces the epoch key of its shard, so an
//! old copy of the store with the present epoch file no longer opens it.

use super::keys::Keys;
use super::{Damage, Error, KeyId, MaterialError};
use crate::seal::{aead, durable};
use crate::vault::{self, Depth, Inside, SecretBytes};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

const SHARDS: usize = 256;
const KEYS: usize = SHARDS * 32;
const SEALED: usize = KEYS + aead::OVERHEAD;
const PREFIX: &str = "epoch.";
const FILE: &str = "coffer/1/epoch-file";
const WRAP: &str = "coffer/1/wrapping-key";
/// Length of a wrapped wrapping key.
pub(super) const WRAPPED: usize = 32 + aead::OVERHEAD;

/// The epoch keys of one generation of the file.
pub(super) struct Epochs {
    pub(super) number: u64,
    keys: SecretBytes,
}

impl Epochs {
    /// Fresh keys for every shard.
    pub(super) fn generate(number: u64) -> Result<Self, Error> {
        let keys = vault::run(Depth::Small, |inside| {
            let mut keys = SecretBytes::zeroed(inside, KEYS)?;
            getrandom::fill(keys.get_mut(inside)).map_err(|_| MaterialError::Random)?;
            Ok::<_, MaterialError>(keys)
        })??;
        Ok(Self { number, keys })
    }

    /// The next generation, with fresh keys for some shards.
    pub(super) fn renew(&self, shards: &BTreeSet<u8>) -> Result<Self, Error> {
        let keys = vault::run(Depth::Small, |inside| {
            let mut keys = SecretBytes::copy_from(inside, self.keys.get(inside))?;
            for shard in shards {
                let start = usize::from(*shard) * 32;
                let key = &mut keys.get_mut(inside)[start..start + 32];
                getrandom::fill(key).map_err(|_| MaterialError::Random)?;
            }
            Ok::<_, MaterialError>(keys)
        })??;
        Ok(Self { number: self.number + 1, keys })
    }

    /// Wraps a wrapping key.
    pub(super) fn wrap(
        &self,
        inside: &Inside<'_>,
        place: &Place<'_>,
        key: &[u8; 32],
    ) -> Result<[u8; WRAPPED], MaterialError> {
        let mut wrapped = [0; WRAPPED];
        wrapped[aead::FRONT..aead::FRONT + 32].copy_from_slice(key);
        aead::seal(self.key(inside, place.key), WRAP, &place.associated(), &mut wrapped)
            .map_err(|_| MaterialError::Random)?;
        Ok(wrapped)
    }

    /// Unwraps a wrapping key in place.
    pub(super) fn unwrap<'w>(
        &self,
        inside: &Inside<'_>,
        place: &Place<'_>,
        wrapped: &'w mut [u8],
    ) -> Result<&'w [u8; 32], MaterialError> {
        let damaged = MaterialError::WrappingDoesNotOpen;
        let range = aead::open(self.key(inside, place.key), WRAP, &place.associated(), wrapped)
            .map_err(|_| damaged)?;
        wrapped[range].first_chunk().ok_or(damaged)
    }

    fn key<'a>(&'a self, inside: &'a Inside<'_>, key: KeyId) -> &'a [u8; 32] {
        let start = usize::from(key.shard()) * 32;
        self.keys.get(inside)[start..].first_chunk().expect("256 keys of 32 bytes")
    }

    /// Writes the file of this generation durably.
    pub(super) fn write(&self, dir: &Path, keys: &Keys) -> Result<(), Error> {
        let associated = file_associated(keys, self.number);
        let mut sealed = vec![0; SEALED];
        vault::run(Depth::Small, |inside| {
            let mut buffer = SecretBytes::zeroed(inside, SEALED)?;
            buffer.get_mut(inside)[aead::FRONT..aead::FRONT + KEYS]
                .copy_from_slice(self.keys.get(inside));
            aead::seal(keys.epoch.get(inside), FILE, &associated, buffer.get_mut(inside))
                .map_err(|_| MaterialError::Random)?;
            sealed.copy_from_slice(buffer.get(inside));
            Ok::<_, MaterialError>(())
        })??;
        durable::replace(&path(dir, self.number), &sealed)
            .map_err(|e| Error::io("write the epoch file", &e))
    }

    /// Reads the file that the head names.
    pub(super) fn read(dir: &Path, keys: &Keys, number: u64) -> Result<Self, Error> {
        let damaged = Error::Damaged(Damage::Epoch(number));
        let file = File::open(path(dir, number)).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Error::Damaged(Damage::EpochMissing(number)),
            _ => Error::io("open the epoch file", &e),
        })?;
        let mut sealed = Vec::with_capacity(SEALED + 1);
        file.take(SEALED as u64 + 1)
            .read_to_end(&mut sealed)
            .map_err(|e| Error::io("read the epoch file", &e))?;
        if sealed.len() != SEALED {
            return Err(damaged);
        }
        let associated = file_associated(keys, number);
        let keys = vault::run(Depth::Small, |inside| {
            let mut buffer = SecretBytes::copy_from(inside, &sealed)?;
            let buffer = buffer.get_mut(inside);
            match aead::open(keys.epoch.get(inside), FILE, &associated, buffer) {
                Ok(range) => SecretBytes::copy_from(inside, &buffer[range]).map(Some),
                Err(_) => Ok(None),
            }
        })??;
        Ok(Self { number, keys: keys.ok_or(damaged)? })
    }
}

/// Which wrapping key: part of the associated data.
pub(super) struct Place<'a> {
    pub(super) store: &'a [u8; 16],
    pub(super) key: KeyId,
    pub(super) version: u32,
}

impl Place<'_> {
    pub(super) fn associated(&self) -> [u8; 36] {
        let mut associated = [0; 36];
        associated[..16].copy_from_slice(self.store);
        associated[16..32].copy_from_slice(&self.key.0);
        associated[32..].copy_from_slice(&self.version.to_be_bytes());
        associated
    }
}

/// Removes every epoch file but one: what a crash or a destruction left behind.
pub(super) fn remove_others(dir: &Path, keep: u64) -> std::io::Result<()> {
    let keep = path(dir, keep);
    let mut removed = false;
    for entry in std::fs::read_dir(dir)? {
        let other = entry?.path();
        let is_epoch = other
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(PREFIX));
        if is_epoch && other != keep {
            overwrite(&other)?;
            std::fs::remove_file(&other)?;
            removed = true;
        }
    }
    if removed { durable::sync_parent(&keep) } else { Ok(()) }
}

/// Best effort on file systems that write in place; the keys are sealed under the root key as well.
fn overwrite(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(SEALED).min(SEALED);
    file.write_all(&vec![0; length])?;
    file.sync_all()
}

pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{PREFIX}{number}"))
}

fn file_associated(keys: &Keys, number: u64) -> Vec<u8> {
    [&keys.store[..], &number.to_be_bytes()].concat()
}
