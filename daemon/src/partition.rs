//! Partitions: each is a PKCS#11 token and a KMS region at once, with a slot of its own.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use coffer_protocol::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::object::Slot;
use crate::store::{self, Batch, Expected, Store, Table};

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its slot; given when it is made, never reused.
    pub slot: Slot,
    /// Its unique name.
    pub name: String,
    /// Its token's label.
    pub label: String,
    /// Its token's serial number, 16 hexadecimal digits.
    pub serial: String,
    /// Whether its token has a security officer.
    pub initialised: bool,
    /// Whether its token has a user PIN.
    pub user_pin: bool,
    /// UNIX seconds.
    pub create_time: i64,
    generation: u64,
}

/// The stored form, in the frozen order of its fields.
#[derive(Serialize, Deserialize)]
struct Record {
    name: String,
    label: String,
    serial: String,
    initialised: bool,
    user_pin: bool,
    create_time: i64,
}

impl Partition {
    /// The partition of a stored form.
    pub fn from_entry(entry: &store::Entry) -> Option<Self> {
        let slot = entry.id.as_bytes().try_into().map(u32::from_be_bytes).map(Slot).ok()?;
        let (0, Ok(record)) = (entry.version, postcard::from_bytes::<Record>(&entry.body)) else {
            return None;
        };
        let Record { name, label, serial, initialised, user_pin, create_time } = record;
        let generation = entry.generation;
        Some(Self { slot, name, label, serial, initialised, user_pin, create_time, generation })
    }

    /// The stored form.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Internal`], which never happens: plain data encodes.
    pub fn to_record(&self) -> Result<store::Record, Error> {
        let record = Record {
            name: self.name.clone(),
            label: self.label.clone(),
            serial: self.serial.clone(),
            initialised: self.initialised,
            user_pin: self.user_pin,
            create_time: self.create_time,
        };
        let body = postcard::to_stdvec(&record).map_err(|_| ErrorCode::Internal)?;
        let id = store::RecordId::try_from(&self.slot.0.to_be_bytes()[..])?;
        Ok(store::Record { id, version: 0, state: 0, body })
    }
}

/// All partitions.
pub struct Partitions {
    store: Arc<Store>,
    all: RwLock<BTreeMap<Slot, Arc<Partition>>>,
    change: Mutex<()>,
}

/// Whether `name` may name a partition: 1 to 32 letters, digits, `_` and `-`.
pub fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Most partitions: all of them are told in one reply.
const MOST: usize = 1000;

impl Partitions {
    /// Reads all partitions of the store.
    ///
    /// # Errors
    ///
    /// Whatever the store reports.
    pub fn load(store: Arc<Store>) -> Result<Self, Error> {
        let all = RwLock::new(Self::read_all(&store)?);
        Ok(Self { store, all, change: Mutex::new(()) })
    }

    /// Runs what replaces all partitions in the store while nobody changes one, and reads them anew.
    ///
    /// # Errors
    ///
    /// What `fill` returns, or whatever the store reports.
    pub fn replace<T>(&self, fill: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let result = fill()?;
        *self.all.write().unwrap_or_else(PoisonError::into_inner) = Self::read_all(&self.store)?;
        Ok(result)
    }

    fn read_all(store: &Store) -> Result<BTreeMap<Slot, Arc<Partition>>, Error> {
        let mut all = BTreeMap::new();
        let mut unknown = None;
        store.load(Table::Partitions, |entry| match Partition::from_entry(&entry) {
            Some(partition) => {
                all.insert(partition.slot, Arc::new(partition));
            }
            None => unknown = Some(hex::encode(entry.id.as_bytes())),
        })?;
        if let Some(id) = unknown {
            let what = format!("partition record {id} has a format of a newer version");
            return Err(Error::about(ErrorCode::StoreFailed, what));
        }
        Ok(all)
    }

    /// All of them, by slot.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        self.read().values().cloned().collect()
    }

    /// The partition of a slot.
    pub fn get(&self, slot: Slot) -> Option<Arc<Partition>> {
        self.read().get(&slot).cloned()
    }

    /// The partition of that name.
    pub fn by_name(&self, name: &str) -> Option<Arc<Partition>> {
        self.read().values().find(|partition| partition.name == name).cloned()
    }

    /// The one that is meant where none is named: that of the lowest slot.
    pub fn default_slot(&self) -> Slot {
        self.read().keys().next().copied().unwrap_or(Slot(0))
    }

    /// Makes a partition.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::InvalidValue`] for the name, [`ErrorCode::PartitionExists`], [`ErrorCode::PartitionCount`], or
    /// what the store reports.
    pub fn create(&self, name: &str, now: i64) -> Result<Arc<Partition>, Error> {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_name(name) {
            return Err(Error::about(ErrorCode::InvalidValue, "Name"));
        }
        if self.by_name(name).is_some() {
            return Err(Error::about(ErrorCode::PartitionExists, name));
        }
        if self.read().len() >= MOST {
            return Err(ErrorCode::PartitionCount.into());
        }
        let slot = self.read().keys().next_back().map_or(Slot(0), |last| Slot(last.0 + 1));
        let serial = hex::encode(crate::crypto::random::array::<8>()?);
        self.save(Partition {
            slot,
            name: name.to_owned(),
            label: name.to_owned(),
            serial,
            initialised: false,
            user_pin: false,
            create_time: now,
            generation: 0,
        })
    }

    /// Changes a partition.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SlotInvalid`], or what the store reports.
    pub fn update(
        &self,
        slot: Slot,
        change: impl FnOnce(&mut Partition),
    ) -> Result<Arc<Partition>, Error> {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let mut partition = (*self.get(slot).ok_or(ErrorCode::SlotInvalid)?).clone();
        change(&mut partition);
        self.save(partition)
    }

    fn save(&self, mut partition: Partition) -> Result<Arc<Partition>, Error> {
        let expected = match partition.generation {
            0 => Expected::New,
            generation => Expected::Generation(generation),
        };
        let mut batch = Batch::new();
        batch.put(Table::Partitions, partition.to_record()?, expected);
        partition.generation = self.store.commit(batch)?;
        let partition = Arc::new(partition);
        self.all
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(partition.slot, partition.clone());
        Ok(partition)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<Slot, Arc<Partition>>> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }
}
