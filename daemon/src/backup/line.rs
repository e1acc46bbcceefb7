//! What is in the chunks: records, one after the other, then the manifest.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use super::damaged;
use crate::Error;
use crate::store::{Entry, InBackup, LONGEST_BODY, Record, RecordId, Table};

/// A kind and a length stand before each.
pub(super) const FRONT: usize = 5;
pub(super) const RECORD: u8 = 1;
pub(super) const MANIFEST: u8 = 2;
/// Longest encoding of either.
pub(super) const LONGEST: usize = LONGEST_BODY + 256;

/// A record as the file has it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    table: u8,
    id: Vec<u8>,
    version: u32,
    state: u8,
    body: Vec<u8>,
}

/// What the file must have held.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Records of each table, by its number.
    pub(super) counts: BTreeMap<u8, u64>,
    /// SHA-256 of all that stands before the manifest.
    pub(super) digest: [u8; 32],
}

/// Counts and sums what is written or read.
#[derive(Default)]
pub(super) struct Tally {
    counts: BTreeMap<u8, u64>,
    digest: Sha256,
}

impl Tally {
    pub(super) fn add(&mut self, table: Table, encoded: &[u8]) {
        *self.counts.entry(table.number()).or_default() += 1;
        self.digest.update(encoded);
    }

    pub(super) fn manifest(&self) -> Manifest {
        let digest = self.digest.clone().finalize().into();
        Manifest { counts: self.counts.clone(), digest }
    }
}

impl Line {
    pub(super) fn new(table: Table, entry: &Entry, body: Vec<u8>) -> Self {
        let Entry { id, version, state, .. } = *entry;
        Self { table: table.number(), id: id.as_bytes().to_vec(), version, state, body }
    }

    /// Its table, and the record without a generation.
    pub(super) fn into_entry(self) -> Result<(Table, Entry), Error> {
        let newer = || damaged(format!("table {} is of a newer version of Coffer", self.table));
        let table = Table::from_number(self.table).filter(|t| t.in_backup() != InBackup::Left);
        let table = table.ok_or_else(newer)?;
        let id =
            RecordId::try_from(self.id.as_slice()).map_err(|_| damaged("an id is too long"))?;
        let Self { version, state, body, .. } = self;
        if body.len() > LONGEST_BODY {
            return Err(damaged("a record is too long"));
        }
        Ok((table, Entry { id, version, state, generation: 0, body }))
    }
}

/// An entry as it is written to a store.
pub(super) fn record(entry: Entry) -> Record {
    let Entry { id, version, state, body, .. } = entry;
    Record { id, version, state, body }
}

/// Kind, length and content.
pub(super) fn encode(kind: u8, content: &impl Serialize) -> Option<Vec<u8>> {
    let mut bytes = postcard::to_extend(content, vec![kind, 0, 0, 0, 0]).ok()?;
    let length = u32::try_from(bytes.len() - FRONT).ok()?;
    bytes[1..FRONT].copy_from_slice(&length.to_be_bytes());
    Some(bytes)
}
