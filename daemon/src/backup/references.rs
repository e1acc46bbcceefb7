//! What records say of each other: objects of their partitions, keys of their material, pairs of their halves.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::{Material, Object, ObjectId, cmk};
use crate::store::KeyId;

use coffer_protocol::key_type::KeyType;

/// Collects what records name, and finds what is missing or too much.
#[derive(Default)]
pub(super) struct References {
    slots: BTreeSet<u32>,
    objects: BTreeMap<ObjectId, Seen>,
    material: BTreeSet<(ObjectId, u32)>,
    wrapping: BTreeSet<(ObjectId, u32)>,
    tombstones: BTreeSet<ObjectId>,
    /// Open import tokens: their private keys are material without an object.
    imports: BTreeSet<ObjectId>,
}

struct Seen {
    slot: u32,
    /// The newest version, where there is material.
    newest: Option<u32>,
    half: Option<ObjectId>,
}

/// Whether wrapping keys are among the records: in a backup they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    Present,
    Absent,
}

impl References {
    pub(super) fn partition(&mut self, slot: u32) {
        self.slots.insert(slot);
    }

    pub(super) fn object(&mut self, object: &Object) {
        let stored = matches!(object.material, Material::Stored);
        let newest = stored.then(|| object.key.as_ref().map_or(1, |key| key.version));
        let has_half = object.key.as_ref().is_some_and(|key| {
            let pair = matches!(key.key_type(), KeyType::Rsa | KeyType::Ec);
            key.is_cmk() && pair && !key.public_key.is_empty()
        });
        let half = has_half.then(|| cmk::public_half_id(object.id));
        self.objects.insert(object.id, Seen { slot: object.slot.0, newest, half });
    }

    pub(super) fn material(&mut self, (KeyId(key), version): (KeyId, u32)) {
        self.material.insert((ObjectId(key), version));
    }

    pub(super) fn wrapping(&mut self, (KeyId(key), version): (KeyId, u32)) {
        self.wrapping.insert((ObjectId(key), version));
    }

    pub(super) fn tombstone(&mut self, id: ObjectId) {
        self.tombstones.insert(id);
    }

    pub(super) fn import(&mut self, id: ObjectId) {
        self.imports.insert(id);
    }

    /// Everything that does not fit.
    pub(super) fn findings(&self, wrapping: Wrapping) -> Vec<String> {
        let mut found = Vec::new();
        for (id, seen) in &self.objects {
            if !self.slots.contains(&seen.slot) {
                found.push(format!(
                    "object {id} belongs to slot {}, which has no partition",
                    seen.slot
                ));
            }
            if seen.newest.is_some_and(|newest| !self.material.contains(&(*id, newest))) {
                let newest = seen.newest.unwrap_or_default();
                found.push(format!("key {id} has no material of its newest version {newest}"));
            }
            if seen.half.is_some_and(|half| !self.objects.contains_key(&half)) {
                found.push(format!("key {id} has no public half"));
            }
            if self.tombstones.contains(id) {
                found.push(format!("object {id} was destroyed and is there"));
            }
        }
        for id in &self.imports {
            if !self.material.contains(&(*id, 1)) {
                found.push(format!("import token {id} has no private key"));
            }
        }
        for (id, version) in &self.material {
            match self.objects.get(id).map(|seen| seen.newest) {
                None if self.imports.contains(id) => {}
                None => found.push(format!("version {version} of key {id} belongs to no object")),
                Some(newest) if newest.is_none_or(|newest| *version > newest) => {
                    found.push(format!("key {id} does not know of its version {version}"));
                }
                Some(_) => {}
            }
        }
        if wrapping == Wrapping::Present {
            for (id, version) in self.material.symmetric_difference(&self.wrapping) {
                found.push(format!(
                    "version {version} of key {id} lacks its wrapping key or material"
                ));
            }
        }
        found
    }
}
