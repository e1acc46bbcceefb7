//! Object handles: numbers that mean an object to one application only. A number is given again only after all
//! 2³² − 1 others. How many a uid has is bounded.

use std::collections::HashMap;
use std::sync::Arc;

use crate::Error;
use crate::object::{Object, ObjectId, Slot};
use crate::share::{Claim, Share, Thing};

/// The handles of an application.
#[derive(Debug)]
pub struct Handles {
    claim: Claim,
    last: u32,
    ids: HashMap<u32, ObjectId>,
    given: HashMap<ObjectId, Given>,
}

#[derive(Debug)]
struct Given {
    handle: u32,
    slot: Slot,
    private: bool,
}

impl Handles {
    /// None yet, for an application of that uid.
    pub fn new(share: &Arc<Share>) -> Self {
        let claim = Claim::none(share, Thing::Handles);
        Self { claim, last: 0, ids: HashMap::new(), given: HashMap::new() }
    }

    /// The handle of an object that the application made or knows: how many it makes is bounded elsewhere.
    pub fn give(&mut self, id: ObjectId, slot: Slot, private: bool) -> u32 {
        if let Some(given) = self.given.get(&id) {
            return given.handle;
        }
        self.claim.force(1);
        self.insert(id, slot, private)
    }

    /// The handles of objects that were found.
    ///
    /// # Errors
    ///
    /// [`coffer_protocol::ErrorCode::ShareExceeded`] where the uid has too many; then none is given.
    pub fn give_all(&mut self, objects: &[Arc<Object>]) -> Result<Vec<u32>, Error> {
        let new = objects.iter().filter(|object| !self.given.contains_key(&object.id)).count();
        self.claim.grow(new)?;
        let known = |given: Option<&Given>| given.map(|given| given.handle);
        let handles = objects.iter().map(|object| {
            known(self.given.get(&object.id))
                .unwrap_or_else(|| self.insert(object.id, object.slot, object.is_private()))
        });
        Ok(handles.collect())
    }

    fn insert(&mut self, id: ObjectId, slot: Slot, private: bool) -> u32 {
        self.last = self.next();
        self.ids.insert(self.last, id);
        self.given.insert(id, Given { handle: self.last, slot, private });
        self.last
    }

    /// The next number that means nothing; there are far fewer objects than numbers.
    fn next(&self) -> u32 {
        let mut next = self.last.wrapping_add(1);
        while next == 0 || self.ids.contains_key(&next) {
            next = next.wrapping_add(1);
        }
        next
    }

    /// The object behind a handle.
    pub fn id(&self, handle: u32) -> Option<ObjectId> {
        self.ids.get(&handle).copied()
    }

    /// Forgets an object.
    pub fn forget(&mut self, id: ObjectId) {
        if let Some(given) = self.given.remove(&id) {
            self.ids.remove(&given.handle);
            self.claim.shrink(1);
        }
    }

    /// Forgets the private objects of a slot: after logout their handles are dead for ever (PKCS#11 C_Logout).
    pub fn forget_private(&mut self, slot: Slot) {
        let Self { claim, ids, given, .. } = self;
        given.retain(|_, given| {
            let stays = !(given.private && given.slot == slot);
            if !stays {
                ids.remove(&given.handle);
                claim.shrink(1);
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::Shares;

    #[test]
    fn a_handle_is_never_given_again() {
        let mut handles = Handles::new(&Shares::default().of(1000));
        let (a, b) = (ObjectId([1; 16]), ObjectId([2; 16]));
        let first = handles.give(a, Slot(0), true);
        assert_eq!(handles.give(a, Slot(0), true), first);
        handles.forget_private(Slot(1));
        assert_eq!(handles.id(first), Some(a));
        handles.forget_private(Slot(0));
        assert_eq!(handles.id(first), None);
        assert_ne!(handles.give(a, Slot(0), true), first);
        assert_ne!(handles.give(b, Slot(0), false), first);
    }

    #[test]
    fn after_the_last_number_free_ones_are_given_again() {
        let mut handles = Handles::new(&Shares::default().of(1000));
        let object = |number| ObjectId([number; 16]);
        assert_eq!(handles.give(object(1), Slot(0), false), 1);
        assert_eq!(handles.give(object(2), Slot(0), false), 2);
        handles.forget(object(2));
        handles.last = u32::MAX - 1;
        assert_eq!(handles.give(object(3), Slot(0), false), u32::MAX);
        assert_eq!(handles.give(object(4), Slot(0), false), 2);
        assert_eq!(handles.id(1), Some(object(1)));
    }
}
