//! That no IV comes twice under a version of a key that rotates, where the caller made it (`CKM_AES_GCM`).
//!
//! IVs are remembered as hashes of 64 bits, also over restarts; those of the last second may be forgotten in a crash. The
//! KMS's own ciphertexts need none of this, for each message has a key of its own there.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::{GcmParameter, Parameter};
use sha2::{Digest, Sha256};

use super::Usable;
use crate::Error;
use crate::object::{Object, ObjectId, Registry};
use crate::store::{Batch, Expected, Record, RecordId, Store, Table};

/// Most IVs that are remembered, of all keys together: some 30 MiB of them. Beyond, the key that has the most forgets
/// its oldest: an application that encrypts much must not come to an end by it, nor another by what it does.
const MOST: usize = 1 << 20;
/// Most IVs in one record.
const IN_RECORD: usize = 1024;

/// A version of a key that rotates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) struct Rotating {
    key: ObjectId,
    version: u32,
}

/// What an IV is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::service) enum Message {
    /// A message like no other.
    New,
    /// A key that is wrapped, of which asking for the length gives the same ciphertext as wrapping does.
    Wrapped(ObjectId),
}

/// The IVs that callers made.
pub struct Ivs {
    store: Arc<Store>,
    used: Mutex<Used>,
    most: usize,
}

#[derive(Default)]
struct Used {
    /// Of each key its newest version, and the one before, with which an operation may still be under way.
    keys: HashMap<ObjectId, Vec<Version>>,
    count: usize,
    /// Records that nobody needs any more.
    stale: Vec<RecordId>,
}

/// What is remembered of a version. The stored form is 8 bytes for each IV, big-endian, in records that are named by
/// key, version and their number.
#[derive(Default)]
struct Version {
    number: u32,
    ivs: HashSet<u64>,
    /// What the store has: numbers of records, rising, and what is in each.
    saved: VecDeque<(u32, Vec<u64>)>,
    unsaved: Vec<u64>,
}

impl Rotating {
    /// The version with which a key encrypts, if it rotates or has rotated.
    pub(super) fn of(key: &Object) -> Option<Self> {
        let record = key.key.as_ref().filter(|record| record.is_cmk())?;
        let rotates = record.life.rotation.days != 0 || record.version > 1;
        rotates.then_some(Self { key: key.id, version: record.version })
    }
}

impl Ivs {
    /// Reads what is known of the keys that are there.
    ///
    /// # Errors
    ///
    /// Whatever the store reports.
    pub fn load(store: Arc<Store>, registry: &Registry) -> Result<Self, Error> {
        let ivs = Self { store, used: Mutex::default(), most: MOST };
        ivs.reload(registry)?;
        Ok(ivs)
    }

    /// Reads it again, after the store was filled from a backup.
    ///
    /// # Errors
    ///
    /// As [`Ivs::load`].
    pub fn reload(&self, registry: &Registry) -> Result<(), Error> {
        let mut used = Used::default();
        self.store.load(Table::Ivs, |entry| match named(&entry.id) {
            Some((key, number, record)) if registry.get(key).is_some() => {
                let version = used.version(key, number);
                let (ivs, _) = entry.body.as_chunks();
                let ivs: Vec<u64> = ivs.iter().map(|iv| u64::from_be_bytes(*iv)).collect();
                version.ivs.extend(&ivs);
                version.saved.push_back((record, ivs));
            }
            _ => used.stale.push(entry.id),
        })?;
        for version in used.keys.values_mut().flatten() {
            version.saved.make_contiguous().sort_unstable_by_key(|(record, _)| *record);
        }
        used.recount();
        *self.used() = used;
        Ok(())
    }

    /// Refuses an encryption whose IV was used before with another message, and remembers its own.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::MechanismParameter`] for an IV that was used.
    pub(in crate::service) fn expect_new(
        &self,
        usable: &Usable,
        message: Message,
    ) -> Result<(), Error> {
        match (usable.rotating, &usable.parameter) {
            (Some(rotating), Parameter::Gcm(gcm)) => self.take(rotating, gcm, message),
            _ => Ok(()),
        }
    }

    fn take(
        &self,
        Rotating { key, version }: Rotating,
        gcm: &GcmParameter,
        message: Message,
    ) -> Result<(), Error> {
        let iv = Sha256::new_with_prefix(&gcm.iv);
        let with_message = match message {
            Message::New => None,
            Message::Wrapped(key) => {
                let whole = iv.clone().chain_update(key.0).chain_update(gcm.tag_bits.to_be_bytes());
                Some(short(whole.chain_update(&gcm.aad)))
            }
        };
        let by_itself = short(iv);
        let mut used = self.used();
        used.advance(key, version);
        let versions = used.keys.get_mut(&key).into_iter().flatten();
        let version = versions.into_iter().find(|known| known.number == version);
        // A version that is forgotten has IVs that are forgotten.
        let version = version.ok_or(ErrorCode::MechanismParameter)?;
        if version.ivs.contains(&by_itself) {
            let is_same = with_message.is_some_and(|message| version.ivs.contains(&message));
            return if is_same { Ok(()) } else { Err(ErrorCode::MechanismParameter.into()) };
        }
        let new: Vec<u64> = [Some(by_itself), with_message].into_iter().flatten().collect();
        let before = version.ivs.len();
        version.ivs.extend(&new);
        version.unsaved.extend(&new);
        // Not how many there are in `new`: where a hash comes twice, forgetting would not come to its end.
        let added = version.ivs.len() - before;
        used.count += added;
        while used.count > self.most {
            used.forget_oldest();
        }
        Ok(())
    }

    /// Forgets a key that was destroyed.
    pub fn forget(&self, key: ObjectId) {
        let mut used = self.used();
        for version in used.keys.remove(&key).into_iter().flatten() {
            used.stale.extend(version.names(key));
        }
        used.recount();
    }

    /// Writes what the store does not have.
    ///
    /// # Errors
    ///
    /// Whatever the store reports; then it is tried again later.
    pub fn save(&self) -> Result<(), Error> {
        while let Some(Pending { batch, written, stale }) = self.used().pending() {
            if let Err(error) = self.store.commit(batch) {
                let mut used = self.used();
                used.stale.extend(stale);
                for (Rotating { key, version }, record) in written {
                    let versions = used.keys.get_mut(&key).into_iter().flatten();
                    let version = versions.into_iter().find(|known| known.number == version);
                    if let Some(version) = version {
                        version.take_back(record);
                    }
                }
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is being written.
struct Pending {
    batch: Batch,
    written: Vec<(Rotating, u32)>,
    stale: Vec<RecordId>,
}

impl Used {
    fn version(&mut self, key: ObjectId, number: u32) -> &mut Version {
        let versions = self.keys.entry(key).or_default();
        let at = versions.iter().position(|version| version.number == number);
        let at = at.unwrap_or_else(|| {
            versions.push(Version { number, ..Version::default() });
            versions.len() - 1
        });
        &mut versions[at]
    }

    /// Makes room for a newer version, and forgets those before the last.
    fn advance(&mut self, key: ObjectId, number: u32) {
        let versions = self.keys.entry(key).or_default();
        let newest = versions.iter().map(|version| version.number).max().unwrap_or(0);
        if number.saturating_add(1) < newest
            || versions.iter().any(|version| version.number == number)
        {
            return;
        }
        versions.push(Version { number, ..Version::default() });
        let newest = newest.max(number);
        let old = versions.extract_if(.., |version| version.number.saturating_add(1) < newest);
        let old: Vec<Version> = old.collect();
        self.stale.extend(old.iter().flat_map(|version| version.names(key)));
        self.recount();
    }

    /// Makes room for more.
    fn forget_oldest(&mut self) {
        let versions = self.keys.iter_mut();
        let versions = versions.flat_map(|(key, versions)| versions.iter_mut().map(|v| (*key, v)));
        if let Some((key, version)) = versions.max_by_key(|(_, version)| version.ivs.len()) {
            let before = version.ivs.len();
            let record = version.forget_oldest();
            self.count -= before - version.ivs.len();
            self.stale.extend(record.map(|record| name(key, version.number, record)));
        }
    }

    fn recount(&mut self) {
        self.count = self.keys.values().flatten().map(|version| version.ivs.len()).sum();
    }

    /// What to write next: one record of each version, and what is to be deleted.
    fn pending(&mut self) -> Option<Pending> {
        let mut batch = Batch::new();
        let stale = std::mem::take(&mut self.stale);
        for id in &stale {
            batch.delete(Table::Ivs, *id, Expected::Any);
        }
        let mut written = Vec::new();
        for (key, versions) in &mut self.keys {
            for version in versions.iter_mut().filter(|version| !version.unsaved.is_empty()) {
                let rest = version.unsaved.len().saturating_sub(IN_RECORD);
                let ivs = version.unsaved.split_off(rest);
                let body = ivs.iter().flat_map(|iv| iv.to_be_bytes()).collect();
                let record = version.saved.back().map_or(0, |(last, _)| last.saturating_add(1));
                let id = name(*key, version.number, record);
                batch.put(Table::Ivs, Record { id, version: 0, state: 0, body }, Expected::Any);
                version.saved.push_back((record, ivs));
                written.push((Rotating { key: *key, version: version.number }, record));
            }
        }
        (!batch.is_empty()).then_some(Pending { batch, written, stale })
    }
}

impl Version {
    /// The names of its records.
    fn names(&self, key: ObjectId) -> impl Iterator<Item = RecordId> + use<'_> {
        self.saved.iter().map(move |(record, _)| name(key, self.number, *record))
    }

    /// Forgets its oldest; returns the number of the record that goes with them.
    fn forget_oldest(&mut self) -> Option<u32> {
        let (record, ivs) = if let Some((record, ivs)) = self.saved.pop_front() {
            (Some(record), ivs)
        } else {
            let older = self.unsaved.len().div_ceil(2).min(IN_RECORD);
            (None, self.unsaved.drain(..older).collect())
        };
        for iv in ivs {
            self.ivs.remove(&iv);
        }
        record
    }

    /// A record that could not be written.
    fn take_back(&mut self, record: u32) {
        if let Some(at) = self.saved.iter().position(|(saved, _)| *saved == record) {
            self.unsaved.extend(self.saved.remove(at).into_iter().flat_map(|(_, ivs)| ivs));
        }
    }
}

/// The first 64 bits of a digest.
fn short(digest: Sha256) -> u64 {
    let digest: [u8; 32] = digest.finalize().into();
    digest.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
}

fn name(key: ObjectId, version: u32, record: u32) -> RecordId {
    RecordId::of_part(key.0, version, record)
}

fn named(id: &RecordId) -> Option<(ObjectId, u32, u32)> {
    let (key, rest) = id.as_bytes().split_first_chunk()?;
    let (version, record) = rest.split_first_chunk()?;
    let record = record.try_into().ok()?;
    Some((ObjectId(*key), u32::from_be_bytes(*version), u32::from_be_bytes(record)))
}

#[cfg(test)]
mod tests;
