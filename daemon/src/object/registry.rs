//! All token objects, indexed, and the one way to change them.
//!
//! A change is committed to the store first and shown to readers after. Changes of one object are made one
//! after the other; changes of different objects share the store's group commit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self, Attribute};

use super::{Object, ObjectId, Slot};
use crate::Error;
use crate::store::{Batch, Expected, KeyId, SealedMaterial, Store, Table};

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

/// A new object on its way into the store.
pub struct Staged {
    /// The object; its sequence and generation are set on commit.
    pub object: Object,
    /// Its first material, if it has some.
    pub material: Option<SealedMaterial>,
}

/// What a change of an object came to.
pub enum Change {
    /// It is as it was.
    Unchanged,
    /// It is replaced by this.
    Replaced(Box<Object>),
}

/// What to look for: every attribute must be equal.
#[derive(Debug)]
pub struct Query<'a> {
    /// The partition.
    pub slot: Slot,
    /// The attributes.
    pub template: &'a [Attribute],
}

#[derive(Debug, Default)]
struct Index {
    objects: HashMap<ObjectId, Arc<Object>>,
    slots: HashMap<Slot, SlotIndex>,
}

#[derive(Debug, Default)]
struct SlotIndex {
    order: BTreeMap<u64, ObjectId>,
    aliases: HashMap<String, ObjectId>,
    values: HashMap<(u64, Vec<u8>), BTreeSet<u64>>,
    keys: u64,
    quota_keys: u64,
}

/// The attributes that have an index, the most selective first.
const INDEXED: [u64; 4] = [attribute::UNIQUE_ID, attribute::ID, attribute::LABEL, attribute::CLASS];

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

    /// Brings new objects in, all or none.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::AliasAlreadyExists`], or whatever the store reports.
    pub fn insert(&self, staged: Vec<Staged>) -> Result<Vec<Arc<Object>>, Error> {
        let aliases: Vec<(Slot, String, ObjectId)> = staged
            .iter()
            .filter_map(|new| {
                let alias = new.object.key.as_ref()?.alias.clone()?;
                Some((new.object.slot, alias, new.object.id))
            })
            .collect();
        self.reserve(&aliases)?;
        let result = self.commit_new(staged);
        if result.is_err() {
            self.release(&aliases);
        }
        result
    }

    fn commit_new(&self, staged: Vec<Staged>) -> Result<Vec<Arc<Object>>, Error> {
        let _not_filling = self.filling.read().unwrap_or_else(PoisonError::into_inner);
        let mut batch = Batch::new();
        let mut objects = Vec::with_capacity(staged.len());
        for Staged { mut object, material } in staged {
            object.sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
            batch.put(Table::Objects, object.to_record(), Expected::New);
            if let Some(material) = material {
                batch.put_material(material);
            }
            objects.push(object);
        }
        let generation = self.store.commit(batch)?;
        let mut index = self.write();
        Ok(objects
            .into_iter()
            .map(|mut object| {
                object.generation = generation;
                let object = Arc::new(object);
                index.insert(object.clone());
                object
            })
            .collect())
    }

    /// Changes one object: `change` sees the newest snapshot and says what becomes of it.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ObjectInvalid`] for an unknown id, whatever `change` returns, or what the store reports.
    pub fn update(
        &self,
        id: ObjectId,
        change: impl FnOnce(&Object) -> Result<Change, Error>,
    ) -> Result<Arc<Object>, Error> {
        let _one_at_a_time = self.stripe(id);
        let before = self.get(id).ok_or(ErrorCode::ObjectInvalid)?;
        let mut after = match change(&before)? {
            Change::Unchanged => return Ok(before),
            Change::Replaced(after) => after,
        };
        let mut batch = Batch::new();
        let expected = Expected::Generation(before.generation);
        batch.put(Table::Objects, after.to_record(), expected);
        after.generation = self.store.commit(batch)?;
        let after = Arc::new(*after);
        let mut index = self.write();
        index.remove(&before);
        index.insert(after.clone());
        Ok(after)
    }

    /// Destroys an object and, for good, its material.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ObjectInvalid`] for an unknown id, or what the store reports.
    pub fn destroy(&self, id: ObjectId, tombstone: Vec<u8>) -> Result<Arc<Object>, Error> {
        let _one_at_a_time = self.stripe(id);
        let object = self.get(id).ok_or(ErrorCode::ObjectInvalid)?;
        let mut batch = Batch::new();
        batch.delete(Table::Objects, id.0.into(), Expected::Generation(object.generation));
        if matches!(object.material, super::Material::Stored) {
            batch.destroy(KeyId(id.0), tombstone);
        }
        self.store.commit(batch)?;
        self.write().remove(&object);
        Ok(object)
    }

    fn reserve(&self, aliases: &[(Slot, String, ObjectId)]) -> Result<(), Error> {
        let mut index = self.write();
        for (slot, alias, _) in aliases {
            if index.slots.get(slot).is_some_and(|slot| slot.aliases.contains_key(alias)) {
                return Err(Error::about(ErrorCode::AliasAlreadyExists, alias.clone()));
            }
        }
        for (slot, alias, id) in aliases {
            index.slots.entry(*slot).or_default().aliases.insert(alias.clone(), *id);
        }
        Ok(())
    }

    fn release(&self, aliases: &[(Slot, String, ObjectId)]) {
        let mut index = self.write();
        for (slot, alias, id) in aliases {
            if let Some(slot) = index.slots.get_mut(slot)
                && slot.aliases.get(alias) == Some(id)
            {
                slot.aliases.remove(alias);
            }
        }
    }

    fn stripe(&self, id: ObjectId) -> MutexGuard<'_, ()> {
        let stripe = usize::from(id.0[15]) % STRIPES;
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object {
    /// Whether it has this attribute with this value. Material never matches.
    pub fn has(&self, wanted: &Attribute) -> bool {
        self.attributes.get(wanted.kind) == Some(wanted.value.as_slice())
    }
}

impl Index {
    fn insert(&mut self, object: Arc<Object>) {
        let slot = self.slots.entry(object.slot).or_default();
        slot.order.insert(object.sequence, object.id);
        for kind in INDEXED {
            if let Some(value) = object.attributes.get(kind) {
                slot.values.entry((kind, value.to_vec())).or_default().insert(object.sequence);
            }
        }
        if let Some(key) = &object.key {
            slot.keys += 1;
            slot.quota_keys += u64::from(object.counts());
            if let Some(alias) = &key.alias {
                slot.aliases.insert(alias.clone(), object.id);
            }
        }
        self.objects.insert(object.id, object);
    }

    fn remove(&mut self, object: &Object) {
        self.objects.remove(&object.id);
        let Some(slot) = self.slots.get_mut(&object.slot) else { return };
        slot.order.remove(&object.sequence);
        for kind in INDEXED {
            let Some(value) = object.attributes.get(kind) else { continue };
            let entry = (kind, value.to_vec());
            if let Some(sequences) = slot.values.get_mut(&entry) {
                sequences.remove(&object.sequence);
                if sequences.is_empty() {
                    slot.values.remove(&entry);
                }
            }
        }
        if let Some(key) = &object.key {
            slot.keys -= 1;
            slot.quota_keys -= u64::from(object.counts());
            if let Some(alias) = &key.alias {
                slot.aliases.remove(alias);
            }
        }
    }
}

impl Object {
    /// Whether it counts in the quota of CMKs: made by CreateKey and not waiting for its destruction.
    fn counts(&self) -> bool {
        use coffer_protocol::key::KeyState;
        self.key.as_ref().is_some_and(|key| key.is_cmk() && key.state != KeyState::PendingDelete)
    }
}
