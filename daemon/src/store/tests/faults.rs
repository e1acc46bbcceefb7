//! Storage that forgets or refuses: every cut point of a series of commits, full disks, failing syncs.

use super::*;
use std::io;
use std::sync::atomic::AtomicBool;

/// What a recorded storage was told to do.
#[derive(Clone, Debug)]
enum Action {
    Write(u64, Vec<u8>),
    Length(u64),
    Sync,
}

/// Storage in memory that records, and fails where told.
#[derive(Clone, Debug, Default)]
struct Memory {
    bytes: Arc<Mutex<Vec<u8>>>,
    log: Arc<Mutex<Vec<Action>>>,
    full: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
}

impl redb::StorageBackend for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.bytes).len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let bytes = lock(&self.bytes);
        let start = usize::try_from(offset).unwrap();
        let part = bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(part);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut bytes = lock(&self.bytes);
        if self.full.load(Relaxed) && len > bytes.len() as u64 {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        bytes.resize(usize::try_from(len).unwrap(), 0);
        lock(&self.log).push(Action::Length(len));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.broken.load(Relaxed) {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        lock(&self.log).push(Action::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        lock(&self.bytes)[start..start + data.len()].copy_from_slice(data);
        lock(&self.log).push(Action::Write(offset, data.to_vec()));
        Ok(())
    }

    fn try_lock_range(
        &self,
        _: std::ops::Bound<u64>,
        _: std::ops::Bound<u64>,
    ) -> Result<bool, redb::BackendError> {
        Ok(true)
    }

    fn unlock_range(
        &self,
        _: std::ops::Bound<u64>,
        _: std::ops::Bound<u64>,
    ) -> Result<(), redb::BackendError> {
        Ok(())
    }
}

impl Memory {
    fn store(&self, place: &Place) -> Result<Store, Error> {
        let memory = self.clone();
        Store::open_with(place.path(), &place.root, move || {
            database::on_backend(memory.clone(), Path::new(STORE_FILE))
        })
    }

    fn new(place: &Place) -> (Self, Store) {
        let memory = Self::default();
        let database = database::on_backend(memory.clone(), Path::new(STORE_FILE)).unwrap();
        fill(&database, place.path(), &place.root).unwrap();
        drop(database);
        let store = memory.store(place).unwrap();
        (memory, store)
    }

    /// The storage after the first `count` actions, without those of the last unsynced ones that
    /// `lost` names by position.
    fn cut(&self, start: &[u8], count: usize, lost: impl Fn(usize) -> bool) -> Self {
        let log = lock(&self.log);
        let synced = log[..count].iter().rposition(|a| matches!(a, Action::Sync)).unwrap_or(0);
        let mut bytes = start.to_vec();
        for (i, action) in log[..count].iter().enumerate() {
            match action {
                Action::Length(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
                Action::Write(_, _) if i > synced && lost(i) => {}
                Action::Write(offset, data) => {
                    let start = usize::try_from(*offset).unwrap();
                    if bytes.len() < start + data.len() {
                        bytes.resize(start + data.len(), 0);
                    }
                    bytes[start..start + data.len()].copy_from_slice(data);
                }
                Action::Sync => {}
            }
        }
        Self { bytes: Arc::new(Mutex::new(bytes)), ..Self::default() }
    }
}

#[test]
fn no_cut_loses_or_tears_a_commit_that_was_answered() {
    let place = Place::new();
    let (memory, store) = Memory::new(&place);
    let start = lock(&memory.bytes).clone();
    lock(&memory.log).clear();
    let mut answered = Vec::new();
    for n in 1..=6 {
        let mut batch = put(Table::Objects, 1, &[n; 100]);
        batch.put(Table::Pins, record(n, &[n; 100]), Expected::New);
        batch.put_material(material(&store, key(n, n), 1, &[n; 32]));
        store.commit(batch).unwrap();
        answered.push(lock(&memory.log).len());
    }
    drop(store);
    let length = lock(&memory.log).len();
    for count in 0..=length {
        let done = u8::try_from(answered.iter().filter(|a| **a <= count).count()).unwrap();
        let keep_all: fn(usize) -> bool = |_| false;
        let losses = [keep_all, |_| true, |i| i % 2 == 0, |i| i % 2 == 1];
        for (kind, lost) in losses.into_iter().enumerate() {
            let store = memory
                .cut(&start, count, lost)
                .store(&place)
                .unwrap_or_else(|e| panic!("cut at {count} of {length}, loss {kind}: {e}"));
            let object = store.get(Table::Objects, RecordId::from([1; 16])).unwrap();
            let found = object.map_or(0, |entry| entry.body[0]);
            assert!(found == done || found == done + 1, "{found} for {done} at {count}");
            for n in 1..=found {
                assert!(store.get(Table::Pins, RecordId::from([n; 16])).unwrap().is_some());
                assert!(has(&store, key(n, n), 1, &[n; 32]).unwrap());
            }
            assert_eq!(store.generation(), u64::from(found));
        }
    }
}

#[test]
fn a_full_disk_fails_what_needs_room_and_only_that() {
    let place = Place::new();
    let (memory, store) = Memory::new(&place);
    store.commit(put(Table::Objects, 1, b"before")).unwrap();
    memory.full.store(true, Relaxed);
    let fill = |n: u8| store.commit(put(Table::Pins, n, &vec![n; 100_000]));
    let failed = (0..=255).find_map(|n| fill(n).err().map(|e| (n, e)));
    let (count, error) = failed.expect("a disk without room fills up");
    assert_eq!(error, Error::Full);
    // Reading and small changes go on while large ones fail.
    let object = store.get(Table::Objects, RecordId::from([1; 16])).unwrap().unwrap();
    assert_eq!(object.body, b"before");
    store.commit(put(Table::Objects, 1, b"disabled")).unwrap();
    assert_eq!(fill(count), Err(Error::Full));
    assert_eq!(store.verify(), Ok(u64::from(count) + 1));
    memory.full.store(false, Relaxed);
    fill(count).unwrap();
    drop(store);
    let store = memory.store(&place).unwrap();
    assert_eq!(store.verify(), Ok(u64::from(count) + 2));
}

#[test]
fn after_a_failed_sync_nothing_more_is_written() {
    let place = Place::new();
    let (memory, store) = Memory::new(&place);
    store.commit(put(Table::Objects, 1, b"before")).unwrap();
    memory.broken.store(true, Relaxed);
    for _ in 0..2 {
        let failed = store.commit(put(Table::Objects, 1, b"unknown"));
        assert!(matches!(failed, Err(Error::Failed(_))), "{failed:?}");
    }
    memory.broken.store(false, Relaxed);
    assert!(matches!(store.commit(put(Table::Objects, 1, b"late")), Err(Error::Failed(_))));
}
