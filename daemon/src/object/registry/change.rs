//! The one way to change objects: committed to the store first, shown to readers after.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use coffer_protocol::ErrorCode;

use super::super::{Material, Object, ObjectId, Slot};
use super::{Registry, STRIPES};
use crate::Error;
use crate::store::{Batch, Expected, KeyId, Record, RecordId, SealedMaterial, Table};

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

impl Registry {
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
        self.write().reserve(&aliases)?;
        let result = self.commit_new(staged);
        if result.is_err() {
            self.write().release(&aliases);
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
        self.write().reserve(&named)?;
        let result = self.commit_changes(&before, changes);
        if result.is_err() {
            self.write().release(&named);
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
        if matches!(object.material, Material::Stored) {
            batch.destroy(KeyId(id.0), tombstone);
        }
        batch.delete(Table::Uses, id.0.into(), Expected::Any);
        self.store.commit(batch)?;
        self.write().remove(&object);
        Ok(object)
    }

    fn stripe(&self, id: ObjectId) -> MutexGuard<'_, ()> {
        self.lock_stripe(stripe_of(id))
    }

    fn lock_stripe(&self, at: usize) -> MutexGuard<'_, ()> {
        self.stripes[at].lock().unwrap_or_else(PoisonError::into_inner)
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
