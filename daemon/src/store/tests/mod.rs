//! A store in a temporary directory, and what its tests share.

mod commits;
mod damage;
mod destruction;
mod faults;
mod migrations;

use super::*;
use crate::seal::{self, Provider};
use crate::vault::{self, Depth};

pub(super) struct Place {
    dir: tempfile::TempDir,
    pub(super) root: RootKey,
}

impl Place {
    pub(super) fn new() -> Self {
        Self::inside(&std::env::temp_dir())
    }

    pub(super) fn inside(parent: &Path) -> Self {
        vault::init_for_tests();
        let dir = tempfile::tempdir_in(parent).unwrap();
        let key = Provider::KeyFile { path: dir.path().join("key") };
        let root = seal::create(dir.path(), &[key]).unwrap();
        Self { dir, root }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn file(&self) -> PathBuf {
        self.path().join(STORE_FILE)
    }

    pub(super) fn create(&self) -> Store {
        Store::create(self.path(), &self.root).unwrap()
    }

    pub(super) fn open(&self) -> Result<Store, Error> {
        Store::open(self.path(), &self.root)
    }

    /// Changes rows of the closed database behind the store's back.
    pub(super) fn tamper(&self, change: impl FnOnce(&mut redb::Table<'_, &[u8], &[u8]>)) {
        let database = Database::open(self.file()).unwrap();
        let transaction = database.begin_write().unwrap();
        change(&mut transaction.open_table(RECORDS).unwrap());
        transaction.commit().unwrap();
    }

    /// The stored form of every record.
    pub(super) fn rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let database = Database::open(self.file()).unwrap();
        let records = database.begin_read().unwrap().open_table(RECORDS).unwrap();
        let rows = records.iter().unwrap().map(|row| {
            let (name, raw) = row.unwrap();
            (name.value().to_vec(), raw.value().to_vec())
        });
        rows.collect()
    }
}

pub(super) fn record(id: u8, body: &[u8]) -> Record {
    Record { id: RecordId::from([id; 16]), version: 3, state: 2, body: body.to_vec() }
}

pub(super) fn put(table: Table, id: u8, body: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.put(table, record(id, body), Expected::Any);
    batch
}

pub(super) fn key(shard: u8, n: u8) -> KeyId {
    let mut id = [n; 16];
    id[0] = shard;
    KeyId(id)
}

pub(super) fn material(store: &Store, key: KeyId, version: u32, bytes: &[u8]) -> SealedMaterial {
    vault::run(Depth::Small, |inside| store.seal_material(inside, key, version, bytes))
        .unwrap()
        .unwrap()
}

pub(super) fn put_material(store: &Store, key: KeyId, version: u32, bytes: &[u8]) {
    let mut batch = Batch::new();
    batch.put_material(material(store, key, version, bytes));
    store.commit(batch).unwrap();
}

/// Whether the material opens to these bytes.
pub(super) fn has(store: &Store, key: KeyId, version: u32, bytes: &[u8]) -> Result<bool, Error> {
    vault::run(Depth::Small, |inside| {
        store.open_material(inside, key, version).map(|m| m.get(inside) == bytes)
    })
    .unwrap()
    .map_err(Error::from)
}
