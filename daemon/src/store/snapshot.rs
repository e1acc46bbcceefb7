//! A frozen view of all records, for backups and checks: it is read while the store changes. The epoch keys of
//! its moment stay in secret memory for as long as it lives.

use super::database::{self, RECORDS, System};
use super::epoch::Epochs;
use super::head::Head;
use super::keys::Keys;
use super::material::StoredMaterial;
use super::{Damage, Entry, Error, KeyId, MaterialError, RecordId, STORE_FILE, Table};
use crate::seal::RootKey;
use crate::vault::{Inside, SecretBytes};
use redb::{Database, ReadOnlyTable, ReadTransaction, ReadableDatabase};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

/// All records of one moment.
pub struct Snapshot {
    records: ReadOnlyTable<&'static [u8], &'static [u8]>,
    keys: Arc<Keys>,
    epochs: Result<Arc<Epochs>, Error>,
    head: Result<Head, Error>,
    /// Rows that were compared with the head so far.
    counted: Head,
    /// Of a store that is not open: the copy in memory that is looked at.
    _copy: Option<Database>,
}

/// A row of the database as it stands there.
pub struct Row {
    name: Vec<u8>,
    raw: Vec<u8>,
}

impl Row {
    /// Its table and id; none for a row that no version of the store has written.
    pub fn place(&self) -> Option<(Table, RecordId)> {
        let (number, id) = self.name.split_first()?;
        Some((Table::from_number(*number)?, RecordId::try_from(id).ok()?))
    }

    /// Its name in the database.
    pub fn name(&self) -> &[u8] {
        &self.name
    }
}

impl Snapshot {
    pub(super) fn new(
        snapshot: &ReadTransaction,
        keys: Arc<Keys>,
        epochs: Result<Arc<Epochs>, Error>,
    ) -> Result<Self, Error> {
        let System { schema, head, .. } = System::read(snapshot)?;
        let head = Head::open(&keys, schema, head);
        let records = snapshot.open_table(RECORDS)?;
        Ok(Self { records, keys, epochs, head, counted: Head::default(), _copy: None })
    }

    /// Of a store that no daemon has open, from a copy of its file in memory: nothing on disk is changed, and
    /// damage does not stop it.
    ///
    /// # Errors
    ///
    /// [`Error::InUse`], or a file in which not even records can be found.
    pub fn of_closed(dir: &Path, root: &RootKey) -> Result<Self, Error> {
        let database = database::open_copy(&dir.join(STORE_FILE))?;
        let snapshot = database.begin_read()?;
        let system = System::read(&snapshot)?;
        let keys = Arc::new(Keys::derive(system.store, root)?);
        let mut frozen = Self::new(&snapshot, Arc::clone(&keys), Err(Error::Closed))?;
        frozen.epochs = match &frozen.head {
            Ok(head) => Epochs::read(dir, &keys, head.epoch).map(Arc::new),
            Err(error) => Err(error.clone()),
        };
        Ok(Self { _copy: Some(database), ..frozen })
    }

    /// The row after that name, or the first one of all.
    pub fn next(&self, after: Option<&[u8]>) -> Result<Option<Row>, Error> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rows = self.records.range::<&[u8]>((start, Bound::Unbounded))?;
        let Some(row) = rows.next() else { return Ok(None) };
        let (name, raw) = row?;
        Ok(Some(Row { name: name.value().to_vec(), raw: raw.value().to_vec() }))
    }

    /// Opens a row.
    pub fn open(&self, row: Row) -> Result<Entry, Error> {
        let (table, id) = row.place().ok_or(Error::TooLong)?;
        self.keys.open(table, id, row.raw)
    }

    /// Opens key material inside the vault.
    pub fn open_material(
        &self,
        inside: &Inside<'_>,
        key: KeyId,
        version: u32,
    ) -> Result<SecretBytes, MaterialError> {
        let stored = inside.outside(|| {
            let id = RecordId::of_version(key, version);
            let field = |table| match database::get(&self.records, table, id) {
                Ok(raw) => raw.ok_or(MaterialError::Missing),
                Err(_) => Err(MaterialError::Unreadable),
            };
            Ok::<_, MaterialError>(StoredMaterial {
                wrapping: field(Table::Wrapping)?,
                material: field(Table::Material)?,
            })
        })?;
        let epochs = self.epochs.as_ref().map_err(|_| MaterialError::WrappingDoesNotOpen)?;
        stored.open(inside, &self.keys, epochs, (key, version))
    }

    /// What is wrong with the store as a whole: its head, its epoch file.
    pub fn faults(&self) -> Vec<String> {
        let head = self.head.as_ref().err();
        let epochs = self.epochs.as_ref().err().filter(|error| Some(*error) != head);
        head.into_iter().chain(epochs).map(ToString::to_string).collect()
    }

    /// How many records the head counts.
    pub fn records(&self, table: Table) -> u64 {
        self.head.as_ref().map_or(0, |head| head.records(table))
    }

    /// The generation of the last commit before it.
    pub fn generation(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.generation)
    }

    /// Counts a row, to be compared with the head at the end.
    pub fn count(&mut self, row: &Row) -> Result<(), Error> {
        let number = row.name.first().copied().unwrap_or_default();
        let (table, id) = row.place().ok_or(Error::Damaged(Damage::UnknownTable(number)))?;
        let digest = self.keys.digest(table, id, &row.raw)?;
        self.counted.add(table, &digest);
        Ok(())
    }

    /// What the head says that was not counted, or the other way round.
    pub fn differences(&self) -> Vec<Damage> {
        let Ok(head) = &self.head else { return Vec::new() };
        Table::ALL.iter().filter_map(|table| head.compare_table(&self.counted, *table)).collect()
    }
}
