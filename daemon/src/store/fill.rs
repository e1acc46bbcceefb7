//! Filling an empty store: as many records as there are, in one transaction, without holding them in memory.

use super::database;
use super::keys::StoreId;
use super::transaction::Transaction;
use super::{Error, KeyId, MaterialError, Record, RecordId, SealedMaterial, Table};
use crate::vault::Inside;

/// Writes all records that shall be there, on the writer's thread.
pub type Fill = Box<dyn FnOnce(&mut Filling<'_, '_>) -> Result<(), Error> + Send>;

/// A store on its way from empty to full.
pub struct Filling<'f, 't> {
    transaction: &'f mut Transaction<'t>,
    generation: u64,
}

impl Transaction<'_> {
    /// Lets `fill` write into the store if it is empty, and gives the generation. On an error the transaction
    /// is not to be committed.
    pub(super) fn fill(&mut self, fill: Fill) -> Result<u64, Error> {
        let holding = [Table::Objects, Table::Wrapping, Table::Material];
        if holding.iter().any(|table| self.head.records(*table) != 0) {
            return Err(Error::NotEmpty);
        }
        let generation = self.head.generation + 1;
        fill(&mut Filling { transaction: self, generation })?;
        self.head.generation = generation;
        Ok(generation)
    }
}

impl Filling<'_, '_> {
    /// Removes all records of a table.
    pub fn clear(&mut self, table: Table) -> Result<(), Error> {
        if table.is_internal() {
            return Err(Error::Internal(table));
        }
        let mut ids = Vec::new();
        database::scan(&self.transaction.records, table, &[], |id, _| {
            ids.push(id);
            Ok(())
        })?;
        ids.into_iter().try_for_each(|id| self.transaction.write(table, id, None))
    }

    /// Whether there is such a record.
    pub fn has(&self, table: Table, id: RecordId) -> Result<bool, Error> {
        Ok(database::get(&self.transaction.records, table, id)?.is_some())
    }

    /// Writes a record that is not there yet.
    pub fn put(&mut self, table: Table, record: &Record) -> Result<(), Error> {
        if table.is_internal() {
            return Err(Error::Internal(table));
        }
        if record.body.len() > super::LONGEST_BODY {
            return Err(Error::TooLong);
        }
        let raw = self.transaction.keys.seal(table, record, self.generation)?;
        self.write_new(table, record.id, raw)
    }

    /// The id that key material is sealed for.
    pub fn store(&self) -> StoreId {
        self.transaction.keys.store
    }

    /// Writes the material of one version of a key that was not destroyed.
    pub fn put_material(&mut self, material: &SealedMaterial) -> Result<(), Error> {
        if self.has(Table::Tombstones, material.key.into())? {
            return Err(Error::Destroyed);
        }
        let rows = self.transaction.material_rows(material, self.generation)?;
        rows.into_iter().try_for_each(|(table, id, raw)| self.write_new(table, id, raw))
    }

    fn write_new(&mut self, table: Table, id: RecordId, raw: Vec<u8>) -> Result<(), Error> {
        if self.has(table, id)? {
            return Err(Error::Twice(table));
        }
        self.transaction.write(table, id, Some(raw))
    }
}

impl SealedMaterial {
    /// Seals key material for the store of that id.
    pub fn for_store(
        inside: &Inside<'_>,
        store: &StoreId,
        key: (KeyId, u32),
        material: &[u8],
    ) -> Result<Self, MaterialError> {
        Self::seal(inside, store, key, material)
    }
}
