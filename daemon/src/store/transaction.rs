//! Batches within one database transaction: checked, sealed, then written, with the head kept in step.

use super::batch::{Batch, Change, Expected};
use super::database::{self, RECORDS};
use super::epoch::{Epochs, Place, WRAPPED};
use super::head::Head;
use super::keys::{Header, Keys};
use super::{Error, KeyId, MaterialError, Record, RecordId, SealedMaterial, Table};
use crate::vault::{self, Depth};
use redb::WriteTransaction;
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Transaction<'a> {
    pub(super) records: redb::Table<'a, &'static [u8], &'static [u8]>,
    pub(super) keys: &'a Keys,
    epochs: &'a Epochs,
    pub(super) head: Head,
    /// Shards whose epoch key must go.
    shards: BTreeSet<u8>,
}

/// What a batch does, sealed: the new stored form of each record, or its removal.
#[derive(Default)]
struct Plan {
    writes: BTreeMap<(Table, RecordId), Option<Vec<u8>>>,
    shards: BTreeSet<u8>,
}

impl Plan {
    fn set(&mut self, table: Table, id: RecordId, raw: Option<Vec<u8>>) -> Result<(), Error> {
        match self.writes.insert((table, id), raw) {
            None => Ok(()),
            Some(_) => Err(Error::Twice(table)),
        }
    }
}

impl<'a> Transaction<'a> {
    pub(super) fn new(
        transaction: &'a WriteTransaction,
        keys: &'a Keys,
        epochs: &'a Epochs,
        head: Head,
    ) -> Result<Self, Error> {
        let records = transaction.open_table(RECORDS)?;
        Ok(Self { records, keys, epochs, head, shards: BTreeSet::new() })
    }

    /// Applies a batch whole or not at all and gives its generation. The outer error spoils the
    /// transaction, the inner one is the batch's own.
    pub(super) fn apply(&mut self, batch: &Batch) -> Result<Result<u64, Error>, Error> {
        let generation = self.head.generation + 1;
        let plan = match self.plan(batch, generation) {
            Err(e) if e.is_storage() => return Err(e),
            Err(e) => return Ok(Err(e)),
            Ok(plan) => plan,
        };
        for ((table, id), raw) in plan.writes {
            self.write(table, id, raw)?;
        }
        self.shards.extend(plan.shards);
        self.head.generation = generation;
        Ok(Ok(generation))
    }

    /// Replaces the epoch keys of shards that lost material and wraps what remains there anew.
    pub(super) fn renew_epochs(&mut self) -> Result<Option<Epochs>, Error> {
        if self.shards.is_empty() {
            return Ok(None);
        }
        let renewed = self.epochs.renew(&self.shards)?;
        for shard in std::mem::take(&mut self.shards) {
            let mut stored = Vec::new();
            database::scan(&self.records, Table::Wrapping, &[shard], |id, raw| {
                stored.push((id, raw.to_vec()));
                Ok(())
            })?;
            for (id, raw) in stored {
                let raw = self.rewrap(id, raw, &renewed)?;
                self.write(Table::Wrapping, id, Some(raw))?;
            }
        }
        self.head.epoch = renewed.number;
        Ok(Some(renewed))
    }

    pub(super) fn into_head(self) -> Head {
        self.head
    }

    pub(super) fn records(&self) -> &redb::Table<'a, &'static [u8], &'static [u8]> {
        &self.records
    }

    fn plan(&self, batch: &Batch, generation: u64) -> Result<Plan, Error> {
        let mut plan = Plan::default();
        for change in &batch.changes {
            match change {
                Change::Put { table, record, expected } => {
                    self.expect(*table, record.id, *expected)?;
                    if record.body.len() > super::LONGEST_BODY {
                        return Err(Error::TooLong);
                    }
                    let raw = self.keys.seal(*table, record, generation)?;
                    plan.set(*table, record.id, Some(raw))?;
                }
                Change::Delete { table, id, expected } => {
                    self.expect(*table, *id, *expected)?;
                    plan.set(*table, *id, None)?;
                }
                Change::PutMaterial(material) => {
                    self.plan_material(&mut plan, material, generation)?;
                }
                Change::EraseMaterial { key, version } => {
                    self.plan_erasure(&mut plan, *key, *version)?;
                }
            }
        }
        self.refuse_the_destroyed(batch, &plan)?;
        Ok(plan)
    }

    fn plan_material(
        &self,
        plan: &mut Plan,
        material: &SealedMaterial,
        generation: u64,
    ) -> Result<(), Error> {
        for (table, id, raw) in self.material_rows(material, generation)? {
            self.expect_generation(table, id, Expected::New)?;
            plan.set(table, id, Some(raw))?;
        }
        Ok(())
    }

    /// The two stored records of key material.
    pub(super) fn material_rows(
        &self,
        material: &SealedMaterial,
        generation: u64,
    ) -> Result<[(Table, RecordId, Vec<u8>); 2], Error> {
        let (key, version, id) = (material.key, material.version(), material.id());
        let place = Place { store: &self.keys.store, key, version };
        let mut wrapped = [0; WRAPPED];
        vault::run(Depth::Small, |inside| {
            wrapped = self.epochs.wrap(inside, &place, material.wrapping.get(inside))?;
            Ok::<_, MaterialError>(())
        })??;
        let row = |table, body| {
            let raw = self.keys.seal(table, &Record { id, version, state: 0, body }, generation)?;
            Ok::<_, Error>((table, id, raw))
        };
        Ok([
            row(Table::Wrapping, wrapped.to_vec())?,
            row(Table::Material, material.sealed.clone())?,
        ])
    }

    fn plan_erasure(&self, plan: &mut Plan, key: KeyId, version: Option<u32>) -> Result<(), Error> {
        let prefix = version.map_or(RecordId::from(key), |v| RecordId::of_version(key, v));
        for table in [Table::Wrapping, Table::Material] {
            database::scan(&self.records, table, prefix.as_bytes(), |id, _| {
                plan.shards.insert(key.shard());
                plan.set(table, id, None)
            })?;
        }
        Ok(())
    }

    /// A key with a tombstone never has material again, not even from the same batch.
    fn refuse_the_destroyed(&self, batch: &Batch, plan: &Plan) -> Result<(), Error> {
        for change in &batch.changes {
            let Change::PutMaterial(material) = change else { continue };
            let tombstone = (Table::Tombstones, material.key.into());
            let buried = database::get(&self.records, tombstone.0, tombstone.1)?.is_some();
            if buried || plan.writes.contains_key(&tombstone) {
                return Err(Error::Destroyed);
            }
        }
        Ok(())
    }

    fn expect(&self, table: Table, id: RecordId, expected: Expected) -> Result<(), Error> {
        if table.is_internal() {
            return Err(Error::Internal(table));
        }
        self.expect_generation(table, id, expected)
    }

    fn expect_generation(
        &self,
        table: Table,
        id: RecordId,
        expected: Expected,
    ) -> Result<(), Error> {
        let raw = database::get(&self.records, table, id)?;
        let header = raw.map(|raw| Header::parse(table, &raw)).transpose()?;
        let found = header.map(|header| header.generation);
        let fits = match expected {
            Expected::Any => true,
            Expected::New => found.is_none(),
            Expected::Generation(generation) => found == Some(generation),
        };
        if fits { Ok(()) } else { Err(Error::Conflict { table, found }) }
    }

    pub(super) fn write(
        &mut self,
        table: Table,
        id: RecordId,
        raw: Option<Vec<u8>>,
    ) -> Result<(), Error> {
        if let Some(old) = database::get(&self.records, table, id)? {
            self.head.remove(table, &self.keys.digest(table, id, &old)?);
        }
        let name = database::name(table, id);
        match raw {
            Some(raw) => {
                self.head.add(table, &self.keys.digest(table, id, &raw)?);
                self.records.insert(name.as_slice(), raw.as_slice())?;
            }
            None => {
                self.records.remove(name.as_slice())?;
            }
        }
        Ok(())
    }

    fn rewrap(&self, id: RecordId, raw: Vec<u8>, renewed: &Epochs) -> Result<Vec<u8>, Error> {
        let damaged = || Error::Damaged(super::Damage::Record(Table::Wrapping));
        let entry = self.keys.open(Table::Wrapping, id, raw)?;
        let (key, version) = id.version().ok_or_else(damaged)?;
        let place = Place { store: &self.keys.store, key, version };
        let old: [u8; WRAPPED] = entry.body.try_into().map_err(|_| damaged())?;
        let mut new = [0; WRAPPED];
        vault::run(Depth::Small, |inside| {
            let mut buffer = old;
            let wrapping = self.epochs.unwrap(inside, &place, &mut buffer)?;
            new = renewed.wrap(inside, &place, wrapping)?;
            Ok::<_, MaterialError>(())
        })??;
        let record = Record { id, version, state: 0, body: new.to_vec() };
        self.keys.seal(Table::Wrapping, &record, self.head.generation)
    }
}
