//! The redb file: settings, its two byte tables, and reading.

use super::backend::Allocated;
use super::keys::StoreId;
use super::{Damage, Error, RecordId, Table};
use crate::seal::durable;
use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, Durability, ReadTransaction, ReadableTable, StorageBackend, TableDefinition,
    WriteTransaction,
};
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Records: table number and name, to the stored form.
pub(super) const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
/// What must be readable before any key: schema, store id and the sealed head.
const SYSTEM: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("system");

/// Bytes of pages kept in memory.
const CACHE: usize = 16 << 20;

/// Content of the system table.
pub(super) struct System {
    pub(super) schema: u32,
    pub(super) store: StoreId,
    pub(super) head: Vec<u8>,
}

pub(super) fn open(path: &Path) -> Result<Database, Error> {
    let file =
        OpenOptions::new().read(true).write(true).open(path).map_err(|e| match e.kind() {
            ErrorKind::NotFound => Error::Missing(path.to_owned()),
            _ => Error::io("open the store", &e),
        })?;
    // redb would make a new database in an empty file.
    if file.metadata().map_err(|e| Error::io("look at the store", &e))?.len() == 0 {
        return Err(Error::Damaged(Damage::Database("it is empty".to_owned())));
    }
    let backend = Allocated::new(file).map_err(|e| Error::opening(path, e))?;
    on_backend(backend, path)
}

/// A new database in an empty file of mode 0600.
pub(super) fn create(path: &Path) -> Result<Database, Error> {
    let file = durable::new_file(path).map_err(|e| Error::io("make the store", &e))?;
    on_backend(Allocated::new(file).map_err(|e| Error::opening(path, e))?, path)
}

/// A database on any storage. A damaged file may trip an assertion inside redb; here that is an
/// error like any other damage.
pub(super) fn on_backend(backend: impl StorageBackend, path: &Path) -> Result<Database, Error> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
    catch_unwind(AssertUnwindSafe(|| builder.create_with_backend(backend)))
        .map_err(|_| Error::Damaged(Damage::Database("it is inconsistent".to_owned())))?
        .map_err(|e| Error::opening(path, e))
}

/// A copy in memory of a database that nobody has open. It is opened however damaged it is: whoever reads it
/// finds out what is left.
pub(super) fn open_copy(path: &Path) -> Result<Database, Error> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::Missing(path.to_owned()),
        _ => Error::io("open the store", &e),
    })?;
    let io = |e: std::io::Error| Error::io("read the store", &e);
    let backend = Allocated::new(file).map_err(|e| Error::opening(path, e))?;
    let free = backend.try_lock_range(Bound::Unbounded, Bound::Unbounded);
    if !free.map_err(|e| Error::Io { what: "lock the store", reason: e.to_string() })? {
        return Err(Error::InUse(path.to_owned()));
    }
    let length = backend.len().map_err(io)?;
    if length == 0 {
        return Err(Error::Damaged(Damage::Database("it is empty".to_owned())));
    }
    let copy = InMemoryBackend::new();
    copy.set_len(length).map_err(io)?;
    let mut piece = vec![0; 1 << 20];
    let mut at = 0;
    while at < length {
        let size = usize::try_from(length - at).map_or(piece.len(), |left| left.min(piece.len()));
        backend.read(at, &mut piece[..size]).map_err(io)?;
        copy.write(at, &piece[..size]).map_err(io)?;
        at += size as u64;
    }
    catch_unwind(AssertUnwindSafe(|| Builder::new().create_with_backend(copy)))
        .map_err(|_| Error::Damaged(Damage::Database("it is inconsistent".to_owned())))?
        .map_err(|e| Error::opening(path, e))
}

/// Begins a write transaction with the settings that every commit has.
pub(super) fn begin(database: &Database) -> Result<WriteTransaction, Error> {
    let mut transaction = database.begin_write()?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|e| Error::Io { what: "set durability", reason: e.to_string() })?;
    transaction.set_two_phase_commit(true);
    transaction.set_quick_repair(true);
    Ok(transaction)
}

impl System {
    pub(super) fn read(snapshot: &ReadTransaction) -> Result<Self, Error> {
        let damaged = || Error::Damaged(Damage::Database("no head".to_owned()));
        let table = snapshot.open_table(SYSTEM)?;
        let field = |name: &str| -> Result<Vec<u8>, Error> {
            Ok(table.get(name.as_bytes())?.ok_or_else(damaged)?.value().to_vec())
        };
        let schema = field("schema")?.try_into().map_err(|_| damaged())?;
        let store = field("store")?.try_into().map_err(|_| damaged())?;
        Ok(Self { schema: u32::from_be_bytes(schema), store, head: field("head")? })
    }

    pub(super) fn write(&self, transaction: &WriteTransaction) -> Result<(), Error> {
        let mut table = transaction.open_table(SYSTEM)?;
        table.insert("schema".as_bytes(), &self.schema.to_be_bytes()[..])?;
        table.insert("store".as_bytes(), &self.store[..])?;
        table.insert("head".as_bytes(), &self.head[..])?;
        Ok(())
    }
}

/// The key of a record in the database.
pub(super) fn name(table: Table, id: RecordId) -> Vec<u8> {
    [&[table.number()], id.as_bytes()].concat()
}

/// Calls `each` for every record of a table whose name starts with `prefix`.
pub(super) fn scan(
    records: &impl ReadableTable<&'static [u8], &'static [u8]>,
    table: Table,
    prefix: &[u8],
    mut each: impl FnMut(RecordId, &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let start = [&[table.number()], prefix].concat();
    for row in records.range(start.as_slice()..)? {
        let (name, raw) = row?;
        if !name.value().starts_with(&start) {
            break;
        }
        each(RecordId::try_from(&name.value()[1..])?, raw.value())?;
    }
    Ok(())
}

/// Reads one record.
pub(super) fn get(
    records: &impl ReadableTable<&'static [u8], &'static [u8]>,
    table: Table,
    id: RecordId,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(records.get(name(table, id).as_slice())?.map(|raw| raw.value().to_vec()))
}
