//! What finds objects: by id, by attribute, by alias, by deadline.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self, Attribute};

use super::super::{Object, ObjectId, Slot};
use crate::Error;

#[derive(Debug, Default)]
pub(super) struct Index {
    pub(super) objects: HashMap<ObjectId, Arc<Object>>,
    pub(super) slots: HashMap<Slot, SlotIndex>,
    pub(super) deadlines: BTreeSet<(i64, ObjectId)>,
}

#[derive(Debug, Default)]
pub(super) struct SlotIndex {
    pub(super) order: BTreeMap<u64, ObjectId>,
    pub(super) aliases: HashMap<String, ObjectId>,
    pub(super) values: HashMap<(u64, Vec<u8>), BTreeSet<u64>>,
    pub(super) keys: u64,
    pub(super) public: u64,
    pub(super) quota_keys: u64,
}

/// The attributes that have an index, the most selective first.
pub(super) const INDEXED: [u64; 4] =
    [attribute::UNIQUE_ID, attribute::ID, attribute::LABEL, attribute::CLASS];

impl Object {
    /// Whether it has this attribute with this value. Material never matches.
    pub fn has(&self, wanted: &Attribute) -> bool {
        self.attributes.get(wanted.kind) == Some(wanted.value.as_slice())
    }
}

impl Index {
    pub(super) fn insert(&mut self, object: Arc<Object>) {
        let slot = self.slots.entry(object.slot).or_default();
        slot.order.insert(object.sequence, object.id);
        slot.public += u64::from(!object.is_private());
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

    pub(super) fn remove(&mut self, object: &Object) {
        self.objects.remove(&object.id);
        if let Some(deadline) = object.deadline() {
            self.deadlines.remove(&(deadline, object.id));
        }
        let Some(slot) = self.slots.get_mut(&object.slot) else { return };
        slot.order.remove(&object.sequence);
        slot.public -= u64::from(!object.is_private());
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

    /// Takes aliases for objects that are on their way.
    pub(super) fn reserve(&mut self, aliases: &[(Slot, String, ObjectId)]) -> Result<(), Error> {
        for (slot, alias, _) in aliases {
            if self.slots.get(slot).is_some_and(|slot| slot.aliases.contains_key(alias)) {
                return Err(Error::about(ErrorCode::AliasAlreadyExists, alias.clone()));
            }
        }
        for (slot, alias, id) in aliases {
            self.slots.entry(*slot).or_default().aliases.insert(alias.clone(), *id);
        }
        Ok(())
    }

    /// Gives them back.
    pub(super) fn release(&mut self, aliases: &[(Slot, String, ObjectId)]) {
        for (slot, alias, id) in aliases {
            if let Some(slot) = self.slots.get_mut(slot)
                && slot.aliases.get(alias) == Some(id)
            {
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
