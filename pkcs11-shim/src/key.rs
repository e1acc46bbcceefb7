//! What is known of keys without asking: the descriptions that the daemon gave.
//!
//! A description is kept only while pushed events would have told of a change.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use coffer_protocol::operation::object::ObjectDescription;

/// Most descriptions kept; at one more, all are forgotten.
const MAX_KEPT: usize = 4096;

/// The descriptions of one application's objects.
#[derive(Default)]
pub(crate) struct Keys {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    descriptions: HashMap<(u32, u32), Arc<ObjectDescription>>,
    changes: u64,
}

/// The state of knowledge before a request; what is read after a change must not be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before(u64);

impl Keys {
    /// The description of an object of a slot's token.
    pub(crate) fn find(&self, slot: u32, object: u32) -> Option<Arc<ObjectDescription>> {
        self.read().descriptions.get(&(slot, object)).cloned()
    }

    /// To be asked for before a request whose reply is kept.
    pub(crate) fn before(&self) -> Before {
        Before(self.read().changes)
    }

    /// Keeps a description, unless something changed since the request for it.
    pub(crate) fn keep(&self, slot: u32, description: &Arc<ObjectDescription>, before: Before) {
        let mut known = self.write();
        if known.changes != before.0 {
            return;
        }
        if known.descriptions.len() >= MAX_KEPT {
            known.descriptions.clear();
        }
        known.descriptions.insert((slot, description.object), description.clone());
    }

    /// Forgets one object by its handle.
    pub(crate) fn forget(&self, slot: u32, object: u32) {
        self.write().forget(|key, _| *key == (slot, object));
    }

    /// Forgets the object of that unique id.
    pub(crate) fn forget_id(&self, id: &[u8; 16]) {
        self.write().forget(|_, description| description.id == *id);
    }

    /// Forgets the objects of a slot's token.
    pub(crate) fn forget_slot(&self, slot: u32) {
        self.write().forget(|key, _| key.0 == slot);
    }

    /// Forgets all objects.
    pub(crate) fn forget_all(&self) {
        self.write().forget(|_, _| true);
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn forget(&mut self, is_stale: impl Fn(&(u32, u32), &ObjectDescription) -> bool) {
        self.changes += 1;
        self.descriptions.retain(|key, description| !is_stale(key, description));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(object: u32) -> Arc<ObjectDescription> {
        Arc::new(ObjectDescription {
            object,
            id: [u8::try_from(object).unwrap(); 16],
            class: 3,
            key_type: 0,
            key_bits: 2048,
            usage: 4,
            always_authenticate: false,
            refusal: 0,
            allowed_mechanisms: Vec::new(),
            material: 0,
        })
    }

    #[test]
    fn a_description_that_was_overtaken_by_a_change_is_not_kept() {
        let keys = Keys::default();
        let before = keys.before();
        keys.forget_id(&[9; 16]);
        keys.keep(0, &description(1), before);
        assert!(keys.find(0, 1).is_none());
        keys.keep(0, &description(1), keys.before());
        assert!(keys.find(0, 1).is_some());
    }

    #[test]
    fn what_changed_is_forgotten_and_the_rest_is_not() {
        let keys = Keys::default();
        for object in 1..=3 {
            keys.keep(0, &description(object), keys.before());
        }
        keys.keep(1, &description(1), keys.before());
        keys.forget_id(&[2; 16]);
        assert!(keys.find(0, 1).is_some() && keys.find(0, 2).is_none());
        keys.forget_slot(0);
        assert!(keys.find(0, 1).is_none() && keys.find(1, 1).is_some());
        keys.forget(1, 1);
        assert!(keys.find(1, 1).is_none());
    }

    #[test]
    fn the_number_of_kept_descriptions_is_bounded() {
        let keys = Keys::default();
        let one = ObjectDescription { id: [0; 16], ..(*description(1)).clone() };
        for object in 1..=2 * u32::try_from(MAX_KEPT).unwrap() {
            let description = Arc::new(ObjectDescription { object, ..one.clone() });
            keys.keep(0, &description, keys.before());
            assert!(keys.read().descriptions.len() <= MAX_KEPT);
        }
    }
}
