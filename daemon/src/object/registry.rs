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
use crate::store::{Batch, Expected, KeyId, Record, RecordId, SealedMaterial, Store, Table};

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

/// What becomes of several objects, and of records that belong to them, in one step.
#[derive(Default)]
pub struct Changes {
    /// Next snapshots of objects that were named.
    pub replaced: Vec<Object>,
    /// New objects.
    pub new: Vec<Staged>,
    /// New versions of material.
    pub materials: Vec<SealedMaterial>,
    /// Keys whose material is erased; they may get material again.
    pub erased: Vec<ObjectId>,
    /// Objects that were named and go, with the tombstones of keys.
    pub destroyed: Vec<(ObjectId, Option<Vec<u8>>)>,
    /// Other records.
    pub records: Vec<(Table, Record, Expected)>,
    /// Records that go.
    pub removed: Vec<(Table, RecordId)>,
    /// Whether it may use the room that is kept for when the disk is full.
    pub reserved: bool,
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
    deadlines: BTreeSet<(i64, ObjectId)>,
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

    /// Changes several objects in one step, all or none: `decide` sees their newest snapshots, in the order of
    /// `ids`. Gives the snapshots after it; objects that did not change are not among them.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ObjectInvalid`] for an unknown id, [`ErrorCode::AliasAlreadyExists`], whatever `decide` returns,
    /// or what the store reports.
    pub fn change(
        &self,
        ids: &[ObjectId],
        decide: impl FnOnce(&[Arc<Object>]) -> Result<Changes, Error>,
    ) -> Result<Vec<Arc<Object>>, Error> {
        let stripes: BTreeSet<usize> = ids.iter().map(|id| stripe_of(*id)).collect();
        // In one order, so that two changes never wait for each other.
        let _one_at_a_time: Vec<_> = stripes.into_iter().map(|at| self.lock_stripe(at)).collect();
        let before: Vec<Arc<Object>> = ids
            .iter()
            .map(|id| self.get(*id).ok_or(ErrorCode::ObjectInvalid))
            .collect::<Result<_, _>>()?;
        let changes = decide(&before)?;
        let named = new_aliases(&before, &changes);
        self.reserve(&named)?;
        let result = self.commit_changes(&before, changes);
        if result.is_err() {
            self.release(&named);
        }
        result
    }

    fn commit_changes(
        &self,
        before: &[Arc<Object>],
        changes: Changes,
    ) -> Result<Vec<Arc<Object>>, Error> {
        let _not_filling = self.filling.read().unwrap_or_else(PoisonError::into_inner);
        let of = |id: ObjectId| before.iter().find(|object| object.id == id);
        let mut batch = Batch::new();
        if changes.reserved {
            batch.reserved();
        }
        let mut after = Vec::new();
        for object in changes.replaced {
            let generation = of(object.id).ok_or(ErrorCode::Internal)?.generation;
            batch.put(Table::Objects, object.to_record(), Expected::Generation(generation));
            after.push(object);
        }
        for Staged { mut object, material } in changes.new {
            object.sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
            batch.put(Table::Objects, object.to_record(), Expected::New);
            if let Some(material) = material {
                batch.put_material(material);
            }
            after.push(object);
        }
        for material in changes.materials {
            batch.put_material(material);
        }
        for id in changes.erased {
            batch.erase_material(KeyId(id.0), None);
        }
        let mut gone = Vec::new();
        for (id, tombstone) in changes.destroyed {
            let object = of(id).ok_or(ErrorCode::Internal)?;
            batch.delete(Table::Objects, id.0.into(), Expected::Generation(object.generation));
            if let Some(tombstone) = tombstone {
                batch.destroy(KeyId(id.0), tombstone);
            }
            gone.push(object.clone());
        }
        for (table, record, expected) in changes.records {
            batch.put(table, record, expected);
        }
        for (table, id) in changes.removed {
            batch.delete(table, id, Expected::Any);
        }
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let generation = self.store.commit(batch)?;
        let mut index = self.write();
        for object in gone {
            index.remove(&object);
        }
        Ok(after
            .into_iter()
            .map(|mut object| {
                object.generation = generation;
                let object = Arc::new(object);
                if let Some(old) = of(object.id) {
                    index.remove(old);
                }
                index.insert(object.clone());
                object
            })
            .collect())
    }

    /// Keys for which there is something to do by a time.
    pub fn due(&self, now: i64) -> Vec<ObjectId> {
        let index = self.read();
        let end = (now, ObjectId([0xff; 16]));
        index.deadlines.range(..=end).map(|(_, id)| *id).collect()
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
        self.lock_stripe(stripe_of(id))
    }

    fn lock_stripe(&self, at: usize) -> MutexGuard<'_, ()> {
        self.stripes[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Changes of objects of one stripe are made one after the other.
fn stripe_of(id: ObjectId) -> usize {
    usize::from(id.0[15]) % STRIPES
}

/// The aliases that objects get which had another one or none.
fn new_aliases(before: &[Arc<Object>], changes: &Changes) -> Vec<(Slot, String, ObjectId)> {
    let alias_of = |object: &Object| object.key.as_ref().and_then(|key| key.alias.clone());
    let had = |object: &Object| {
        before.iter().find(|old| old.id == object.id).and_then(|old| alias_of(old))
    };
    let replaced = changes.replaced.iter();
    let new = changes.new.iter().map(|staged| &staged.object);
    replaced
        .chain(new)
        .filter_map(|object| {
            let alias = alias_of(object)?;
            (had(object).as_ref() != Some(&alias)).then_some((object.slot, alias, object.id))
        })
        .collect()
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
        if let Some(deadline) = object.deadline() {
            self.deadlines.insert((deadline, object.id));
        }
        self.objects.insert(object.id, object);
    }

    fn remove(&mut self, object: &Object) {
        self.objects.remove(&object.id);
        if let Some(deadline) = object.deadline() {
            self.deadlines.remove(&(deadline, object.id));
        }
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
        self.key.as_ref().is_some_and(|key| {
            key.is_cmk() && key.life.service.is_none() && key.state != KeyState::PendingDelete
        })
    }
}
