//! All token objects, indexed, and the one way to change them.
//!
//! A change is committed to the store first and shown to readers after. Changes of one object are made one
//! after the other; changes of different objects share the store's group commit.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::Attribute;

use super::{Object, ObjectId, Slot};
use crate::Error;
use crate::store::{Store, Table};

mod change;
mod index;

pub use change::{Change, Changes, Staged};
use index::{INDEXED, Index};

const STRIPES: usize = 64;

/// The token objects of all partitions.
pub struct Registry {
    store: Arc<Store>,
    index: RwLock<Index>,
    sequence: AtomicU64,
    stripes: [Mutex<()>; STRIPES],
    /// Held while objects are made, and alone while the store is filled.
    filling: RwLock<()>,
}

/// What to look for: every attribute must be equal.
#[derive(Debug)]
pub struct Query<'a> {
    /// The partition.
    pub slot: Slot,
    /// The attributes.
    pub template: &'a [Attribute],
}

impl Registry {
    /// Reads all objects of the store.
    ///
    /// # Errors
    ///
    /// Whatever the store reports, and [`ErrorCode::StoreFailed`] for a record of an unknown format.
    pub fn load(store: Arc<Store>) -> Result<Self, Error> {
        let (index, last) = Self::read_all(&store)?;
        Ok(Self {
            store,
            index: RwLock::new(index),
            sequence: AtomicU64::new(last),
            stripes: [const { Mutex::new(()) }; STRIPES],
            filling: RwLock::new(()),
        })
    }

    /// Runs what fills the empty store while nobody makes an object, and reads all of them anew.
    ///
    /// # Errors
    ///
    /// What `fill` returns, or whatever the store reports.
    pub fn replace<T>(&self, fill: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        let _alone = self.filling.write().unwrap_or_else(PoisonError::into_inner);
        let result = fill()?;
        let (index, last) = Self::read_all(&self.store)?;
        *self.write() = index;
        self.sequence.store(last, Ordering::Relaxed);
        Ok(result)
    }

    /// All objects of the store, and the highest sequence number.
    fn read_all(store: &Store) -> Result<(Index, u64), Error> {
        let mut index = Index::default();
        let mut last = 0;
        let mut unknown = None;
        store.load(Table::Objects, |entry| match Object::from_entry(&entry) {
            Some(object) => {
                last = last.max(object.sequence);
                index.insert(Arc::new(object));
            }
            None => unknown = Some(format!("{:?}", entry.id)),
        })?;
        match unknown {
            None => Ok((index, last)),
            Some(id) => Err(Error::about(
                ErrorCode::StoreFailed,
                format!("object {id} has a format of a newer version"),
            )),
        }
    }

    /// The object of that id.
    pub fn get(&self, id: ObjectId) -> Option<Arc<Object>> {
        self.read().objects.get(&id).cloned()
    }

    /// The key of that alias.
    pub fn by_alias(&self, slot: Slot, alias: &str) -> Option<Arc<Object>> {
        let index = self.read();
        let id = index.slots.get(&slot)?.aliases.get(alias)?;
        index.objects.get(id).cloned()
    }

    /// Objects that match the query and are visible, by creation, from after a sequence number on.
    pub fn find(
        &self,
        query: &Query<'_>,
        after: u64,
        limit: usize,
        visible: impl Fn(&Object) -> bool,
    ) -> Vec<Arc<Object>> {
        let index = self.read();
        let Some(slot) = index.slots.get(&query.slot) else { return Vec::new() };
        let matches = |id: &ObjectId| {
            let object = index.objects.get(id)?;
            let equal = query.template.iter().all(|wanted| object.has(wanted));
            (equal && visible(object)).then(|| object.clone())
        };
        let best = INDEXED.iter().find_map(|kind| query.template.iter().find(|a| a.kind == *kind));
        match best {
            Some(wanted) => match slot.values.get(&(wanted.kind, wanted.value.clone())) {
                Some(sequences) => sequences
                    .range(after + 1..)
                    .filter_map(|sequence| matches(slot.order.get(sequence)?))
                    .take(limit)
                    .collect(),
                None => Vec::new(),
            },
            None => slot
                .order
                .range(after + 1..)
                .filter_map(|(_, id)| matches(id))
                .take(limit)
                .collect(),
        }
    }

    /// All objects of a partition that have a KMS record, by creation.
    pub fn keys(&self, slot: Slot) -> Vec<Arc<Object>> {
        let index = self.read();
        let Some(slot) = index.slots.get(&slot) else { return Vec::new() };
        slot.order
            .values()
            .filter_map(|id| index.objects.get(id))
            .filter(|object| object.key.is_some())
            .cloned()
            .collect()
    }

    /// All objects of a partition, by creation.
    pub fn objects(&self, slot: Slot) -> Vec<Arc<Object>> {
        self.find(&Query { slot, template: &[] }, 0, usize::MAX, |_| true)
    }

    /// How many objects there are, and how many of them are keys.
    pub fn count(&self) -> (u64, u64) {
        let index = self.read();
        (index.objects.len() as u64, index.slots.values().map(|slot| slot.keys).sum())
    }

    /// How many keys a partition has, and how many of them count in the quota of CMKs.
    pub fn count_keys(&self, slot: Slot) -> (u64, u64) {
        self.read().slots.get(&slot).map_or((0, 0), |slot| (slot.keys, slot.quota_keys))
    }

    /// How many objects of a partition are there for everybody.
    pub fn count_public(&self, slot: Slot) -> u64 {
        self.read().slots.get(&slot).map_or(0, |slot| slot.public)
    }

    /// Keys for which there is something to do by a time.
    pub fn due(&self, now: i64) -> Vec<ObjectId> {
        let index = self.read();
        let end = (now, ObjectId([0xff; 16]));
        index.deadlines.range(..=end).map(|(_, id)| *id).collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}
