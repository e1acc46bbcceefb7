//! The store: all that must outlive the daemon, in one redb file that is not trusted. Every record
//! is sealed with its place, state and generation; a sealed head counts and sums all records, so
//! that none can be changed, swapped, replayed or removed unnoticed. Bodies are opaque here.
//!
//! All but [`Store::seal_material`] and [`Store::open_material`] is called outside of `vault::run`,
//! which it enters itself. Rolling back the whole directory is noticed only
//! against something outside, such as an audit record of [`Store::generation`].

mod backend;
mod batch;
mod database;
mod epoch;
mod error;
mod fill;
mod head;
mod keys;
mod material;
mod migration;
mod reserve;
mod snapshot;
mod table;
mod transaction;
mod writer;

pub use batch::{Batch, Expected};
pub use error::{Damage, Error, MaterialError};
pub use fill::{Fill, Filling};
pub use material::{LONGEST_MATERIAL, SealedMaterial};
pub use snapshot::{Row, Snapshot};
pub use table::{Entry, InBackup, KeyId, LONGEST_BODY, LONGEST_ID, Record, RecordId, Table};

use crate::seal::{RootKey, durable};
use crate::vault::{Inside, SecretBytes};
use database::{RECORDS, System};
use epoch::Epochs;
use head::Head;
use keys::Keys;
use material::StoredMaterial;
use migration::{MIGRATIONS, SCHEMA};
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
};
use std::thread::JoinHandle;
use writer::{Queue, Work, Writer};

/// Name of the database file in the state directory.
pub const STORE_FILE: &str = "store.redb";

/// An open store. Shared by reference; commits of all threads are joined into groups.
pub struct Store {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    dir: PathBuf,
    keys: Arc<Keys>,
    database: RwLock<Option<Database>>,
    epochs: RwLock<Arc<Epochs>>,
    reopen: Box<dyn Fn() -> Result<Database, Error> + Send + Sync>,
    queue: Mutex<Queue>,
    wake: Condvar,
    generation: AtomicU64,
    transactions: AtomicU64,
    batches: AtomicU64,
}

/// What was written since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Batches that took effect.
    pub batches: u64,
    /// Database transactions that held them.
    pub transactions: u64,
}

impl Store {
    /// Makes a new, empty store; an existing one is never touched.
    pub fn create(dir: &Path, root: &RootKey) -> Result<Self, Error> {
        let path = dir.join(STORE_FILE);
        if path.try_exists().map_err(|e| Error::io("look at the store", &e))? {
            return Err(Error::Exists(path));
        }
        let temporary = durable::temporary(&path);
        fill(&database::create(&temporary)?, dir, root)?;
        std::fs::File::open(&temporary)
            .and_then(|file| file.sync_all())
            .and_then(|()| std::fs::rename(&temporary, &path))
            .and_then(|()| durable::sync_parent(&path))
            .map_err(|e| Error::io("put the store in place", &e))?;
        Self::open(dir, root)
    }

    /// Opens the store and checks every record against the head.
    pub fn open(dir: &Path, root: &RootKey) -> Result<Self, Error> {
        let place = dir.to_owned();
        Self::open_with(dir, root, move || {
            let path = place.join(STORE_FILE);
            match database::open(&path) {
                // Opening checks and commits, which may need a page more than the file has.
                Err(Error::Full) => {
                    reserve::release_in(&place)?;
                    database::open(&path)
                }
                opened => opened,
            }
        })
    }

    fn open_with(
        dir: &Path,
        root: &RootKey,
        open: impl Fn() -> Result<Database, Error> + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let database = open()?;
        let snapshot = database.begin_read()?;
        let system = System::read(&snapshot)?;
        if system.schema > SCHEMA {
            return Err(Error::NewerSchema { found: system.schema, known: SCHEMA });
        }
        let keys = Keys::derive(system.store, root)?;
        let head = check(&snapshot, &keys, system.schema, system.head)?;
        drop(snapshot);
        let epochs = Epochs::read(dir, &keys, head.epoch)?;
        let schemas = (system.schema, SCHEMA);
        let head = migration::migrate(&database, &keys, &epochs, head, schemas, MIGRATIONS)?;
        epoch::remove_others(dir, head.epoch)
            .map_err(|e| Error::io("remove an old epoch file", &e))?;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            keys: Arc::new(keys),
            database: RwLock::new(Some(database)),
            epochs: RwLock::new(Arc::new(epochs)),
            reopen: Box::new(open),
            queue: Mutex::default(),
            wake: Condvar::new(),
            generation: AtomicU64::new(head.generation),
            transactions: AtomicU64::new(0),
            batches: AtomicU64::new(0),
        });
        let writer = Writer::new(Arc::clone(&shared), head);
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|e| Error::io("start the writer", &e))?;
        Ok(Self { shared, writer: Some(writer) })
    }

    /// Hands every record of a table to `each`, in the order of their names.
    pub fn load(&self, table: Table, mut each: impl FnMut(Entry)) -> Result<(), Error> {
        let records = self.snapshot()?.open_table(RECORDS)?;
        database::scan(&records, table, &[], |id, raw| {
            each(self.shared.keys.open(table, id, raw.to_vec())?);
            Ok(())
        })
    }

    /// Reads one record.
    pub fn get(&self, table: Table, id: RecordId) -> Result<Option<Entry>, Error> {
        let records = self.snapshot()?.open_table(RECORDS)?;
        let raw = database::get(&records, table, id)?;
        raw.map(|raw| self.shared.keys.open(table, id, raw)).transpose()
    }

    /// Writes a batch, together with others that wait, and returns its generation once it is
    /// durable. On an error nothing of the batch took effect; after `Failed` that is unknown
    /// until the restart.
    pub fn commit(&self, batch: Batch) -> Result<u64, Error> {
        self.work(Work::Batch(batch))
    }

    /// Fills an empty store in one transaction: all that `fill` writes is there afterwards, or nothing. Other
    /// batches wait meanwhile. It gives the generation.
    pub fn fill(&self, fill: Fill) -> Result<u64, Error> {
        self.work(Work::Fill(fill))
    }

    fn work(&self, work: Work) -> Result<u64, Error> {
        let (answer, answered) = sync_channel(1);
        self.shared.submit(work, answer)?;
        answered.recv().unwrap_or(Err(Error::Closed))
    }

    /// All records as they are now, to be read while they change.
    pub fn freeze(&self) -> Result<Snapshot, Error> {
        // Held over both steps: epoch keys and the records wrapped under them change together.
        let epochs = read(&self.shared.epochs);
        let frozen = self.snapshot()?;
        Snapshot::new(&frozen, Arc::clone(&self.shared.keys), Ok(Arc::clone(&epochs)))
    }

    /// Seals key material for [`Batch::put_material`].
    pub fn seal_material(
        &self,
        inside: &Inside<'_>,
        key: KeyId,
        version: u32,
        material: &[u8],
    ) -> Result<SealedMaterial, MaterialError> {
        SealedMaterial::seal(inside, &self.shared.keys.store, (key, version), material)
    }

    /// Opens key material inside the vault.
    pub fn open_material(
        &self,
        inside: &Inside<'_>,
        key: KeyId,
        version: u32,
    ) -> Result<SecretBytes, MaterialError> {
        // Held over both steps: epoch keys and the records wrapped under them change together.
        let epochs = read(&self.shared.epochs);
        let stored = inside.outside(|| {
            self.stored_material(key, version).map_err(|error| {
                if error == Error::NoMaterial {
                    return MaterialError::Missing;
                }
                tracing::error!(%error, "key material cannot be read");
                MaterialError::Unreadable
            })
        })?;
        stored.open(inside, &self.shared.keys, &epochs, (key, version))
    }

    fn stored_material(&self, key: KeyId, version: u32) -> Result<StoredMaterial, Error> {
        let records = self.snapshot()?.open_table(RECORDS)?;
        let id = RecordId::of_version(key, version);
        let field = |table| database::get(&records, table, id)?.ok_or(Error::NoMaterial);
        Ok(StoredMaterial { wrapping: field(Table::Wrapping)?, material: field(Table::Material)? })
    }

    /// The generation of the last commit.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Relaxed)
    }

    /// What was written since the store was opened.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            batches: self.shared.batches.load(Relaxed),
            transactions: self.shared.transactions.load(Relaxed),
        }
    }

    /// Checks every record against the head, as `open` does, and returns how many there are.
    pub fn verify(&self) -> Result<u64, Error> {
        let snapshot = self.snapshot()?;
        let System { schema, head, .. } = System::read(&snapshot)?;
        let head = check(&snapshot, &self.shared.keys, schema, head)?;
        Ok(Table::ALL.into_iter().map(|table| head.records(table)).sum())
    }

    /// Writes what waits and closes the file.
    pub fn close(mut self) -> Result<(), Error> {
        self.stop();
        match write(&self.shared.database).take() {
            Some(database) => database.close().map_err(|e| Error::opening(&self.shared.dir, e)),
            None => Ok(()),
        }
    }

    fn snapshot(&self) -> Result<ReadTransaction, Error> {
        let database = read(&self.shared.database);
        Ok(database.as_ref().ok_or(Error::Closed)?.begin_read()?)
    }

    fn stop(&mut self) {
        self.shared.close_queue();
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has told its callers; there is nothing to add here.
            let _ = writer.join();
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.shared.dir.display())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The first transaction and the first epoch file of a new store.
fn fill(database: &Database, dir: &Path, root: &RootKey) -> Result<(), Error> {
    let keys = Keys::derive(*uuid::Uuid::new_v4().as_bytes(), root)?;
    Epochs::generate(1)?.write(dir, &keys)?;
    let head = Head::new(1).seal(&keys, SCHEMA)?;
    let transaction = database::begin(database)?;
    System { schema: SCHEMA, store: keys.store, head }.write(&transaction)?;
    transaction.open_table(RECORDS)?;
    Ok(transaction.commit()?)
}

/// Opens the head and compares every record with it.
fn check(
    snapshot: &ReadTransaction,
    keys: &Keys,
    schema: u32,
    head: Vec<u8>,
) -> Result<Head, Error> {
    let head = Head::open(keys, schema, head)?;
    let mut counted = Head::default();
    for row in snapshot.open_table(RECORDS)?.iter()? {
        let (name, raw) = row?;
        let (number, id) = name.value().split_first().unwrap_or((&0, &[]));
        let table = Table::from_number(*number);
        let table = table.ok_or(Error::Damaged(Damage::UnknownTable(*number)))?;
        let digest = keys.digest(table, RecordId::try_from(id)?, raw.value())?;
        counted.add(table, &digest);
    }
    head.compare(&counted).map_err(Error::Damaged)?;
    Ok(head)
}

/// A lock of ours guards single assignments, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
