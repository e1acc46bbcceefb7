//! A batch: changes that take effect together or not at all.

use super::{KeyId, Record, RecordId, SealedMaterial, Table};

/// What a change expects of the record it touches; otherwise the batch fails with `Conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// The record does not exist.
    New,
    /// The record was last written in this generation.
    Generation(u64),
    /// Anything.
    Any,
}

/// Changes that are committed together.
#[derive(Default)]
pub struct Batch {
    pub(super) reserved: bool,
    pub(super) changes: Vec<Change>,
}

pub(super) enum Change {
    Put { table: Table, record: Record, expected: Expected },
    Delete { table: Table, id: RecordId, expected: Expected },
    PutMaterial(SealedMaterial),
    EraseMaterial { key: KeyId, version: Option<u32> },
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing was put in.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Lets the batch use the room that is kept for when the disk is full: for disabling a key and
    /// other changes that make things safer.
    pub const fn reserved(&mut self) -> &mut Self {
        self.reserved = true;
        self
    }

    /// Writes a record.
    pub fn put(&mut self, table: Table, record: Record, expected: Expected) -> &mut Self {
        self.changes.push(Change::Put { table, record, expected });
        self
    }

    /// Deletes a record.
    pub fn delete(&mut self, table: Table, id: RecordId, expected: Expected) -> &mut Self {
        self.changes.push(Change::Delete { table, id, expected });
        self
    }

    /// Writes the material of one version of a key, which has none yet.
    pub fn put_material(&mut self, material: SealedMaterial) -> &mut Self {
        self.changes.push(Change::PutMaterial(material));
        self
    }

    /// Erases the material of one version, or of all, beyond recovery from old copies of the store;
    /// the key may get material again.
    pub fn erase_material(&mut self, key: KeyId, version: Option<u32>) -> &mut Self {
        self.changes.push(Change::EraseMaterial { key, version });
        self
    }

    /// Destroys a key: erases all its material and leaves a tombstone, after which it can never
    /// have material again. Its object record is the caller's to delete in the same batch.
    pub fn destroy(&mut self, key: KeyId, tombstone: Vec<u8>) -> &mut Self {
        let record = Record { id: key.into(), version: 0, state: 0, body: tombstone };
        self.put(Table::Tombstones, record, Expected::New);
        self.erase_material(key, None)
    }
}
