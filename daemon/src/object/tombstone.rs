//! What stays of a destroyed object: its id, so that it is never used again, and when it lived.

use serde::{Deserialize, Serialize};

use super::{Object, Slot};

const FORMAT: u8 = 1;

/// A tombstone's content, in the frozen order of its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The partition that it belonged to.
    pub slot: u32,
    /// UNIX seconds.
    pub created: i64,
    /// UNIX seconds.
    pub destroyed: i64,
}

impl Tombstone {
    /// The tombstone of an object that is destroyed now.
    pub fn of(object: &Object, now: i64) -> Self {
        let Slot(slot) = object.slot;
        let created = object.key.as_ref().map_or(0, |key| key.create_time);
        Self { slot, created, destroyed: now }
    }

    /// The stored form.
    ///
    /// # Panics
    ///
    /// Never: plain data encodes.
    pub fn to_bytes(self) -> Vec<u8> {
        postcard::to_extend(&self, vec![FORMAT]).expect("plain data encodes into a growing vector")
    }

    /// The tombstone of a stored form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&FORMAT, body) = bytes.split_first()? else { return None };
        postcard::from_bytes(body).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tombstone_is_read_as_it_was_written() {
        let tombstone = Tombstone { slot: 3, created: 1_700_000_000, destroyed: 1_800_000_000 };
        assert_eq!(Tombstone::from_bytes(&tombstone.to_bytes()), Some(tombstone));
        assert_eq!(Tombstone::from_bytes(&[2, 3, 0, 0]), None);
    }
}
