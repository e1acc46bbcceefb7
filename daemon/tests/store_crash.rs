//! The store under SIGKILL and on a full disk, through its public interface.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use coffer_daemon::seal::{self, Provider, RootKey};
use coffer_daemon::store::{Batch, Error, Expected, KeyId, Record, RecordId, Store, Table};
use coffer_daemon::vault::{self, Depth};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const DIRECTORY: &str = "COFFER_TEST_DIRECTORY";

fn root(dir: &Path) -> RootKey {
    vault::init_for_tests();
    let key = [Provider::KeyFile { path: dir.join("key") }];
    seal::unseal(dir, &key).or_else(|_| seal::create(dir, &key)).unwrap()
}

fn key(n: u64) -> KeyId {
    // Few shards, so that destruction finds neighbours.
    let mut id = [u8::try_from(n % 4).unwrap(); 16];
    id[8..].copy_from_slice(&n.to_be_bytes());
    KeyId(id)
}

fn record(id: u64, body: u64) -> Record {
    let id = RecordId::try_from(&id.to_be_bytes()[..]).unwrap();
    Record { id, version: 1, state: 0, body: body.to_be_bytes().to_vec() }
}

/// What the child does in round `n`.
fn batch(store: &Store, n: u64) -> Batch {
    let material =
        vault::run(Depth::Small, |inside| store.seal_material(inside, key(n), 1, &n.to_be_bytes()));
    let mut batch = Batch::new();
    batch.put(Table::Objects, record(n, n), Expected::New);
    batch.put(Table::Pins, record(0, n), Expected::Any);
    batch.put_material(material.unwrap().unwrap());
    if let Some(old) = destroyed_by(n) {
        batch.destroy(key(old), Vec::new());
    }
    batch
}

fn destroyed_by(n: u64) -> Option<u64> {
    n.is_multiple_of(3).then(|| n - 2)
}

#[test]
#[ignore = "runs as the child of the next test"]
fn child_that_commits_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIRECTORY) else { return };
    let dir = Path::new(&dir);
    let store = Store::open(dir, &root(dir)).unwrap();
    let mut out = std::io::stdout();
    for n in store.generation() + 1.. {
        assert_eq!(store.commit(batch(&store, n)), Ok(n));
        writeln!(out, "committed {n}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn a_killed_daemon_loses_nothing_that_it_answered() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::create(dir.path(), &root(dir.path())).unwrap());
    let mut known = 0;
    for round in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_commits_until_it_is_killed", "--ignored", "--nocapture"])
            .env(DIRECTORY, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            let Some(n) = line.strip_prefix("committed ") else { continue };
            known = n.parse().unwrap();
            seen += 1;
            if seen == 3 + round * 2 {
                child.kill().unwrap(); // and read on to what was answered before it died
            }
        }
        child.wait().unwrap();
        assert!(seen >= 3, "the child did not commit");

        let store = Store::open(dir.path(), &root(dir.path())).unwrap();
        let found = store.generation();
        assert!(found == known || found == known + 1, "{found} after {known}");
        known = found;
        for n in 1..=found {
            let id = record(n, 0).id;
            assert_eq!(store.get(Table::Objects, id).unwrap().unwrap().body, n.to_be_bytes());
            let opened = vault::run(Depth::Small, |inside| {
                store.open_material(inside, key(n), 1).map(|m| m.get(inside) == n.to_be_bytes())
            });
            let destroyed = (1..=found).any(|later| destroyed_by(later) == Some(n));
            assert_eq!(opened.unwrap().unwrap_or(false), !destroyed, "material {n} of {found}");
        }
        let last = store.get(Table::Pins, record(0, 0).id).unwrap().unwrap();
        assert_eq!(last.body, found.to_be_bytes());
    }
}

/// A small file system of its own; gone with the value.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(dir));
        }
        eprintln!("skipped: no right to mount a small file system");
        None
    }

    /// Leaves no room, until the file is removed.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.0.path().join("ballast");
        let mut file = std::fs::File::create(&path).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0xBA; size]).is_ok() {}
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_refuses_what_needs_room_and_harms_nothing() {
    let Some(disk) = Disk::new("24m") else { return };
    let dir = disk.0.path();
    let root = root(dir);
    let store = Store::create(dir, &root).unwrap();
    store.commit(batch(&store, 1)).unwrap();
    let ballast = disk.fill();
    let large = |n: u64| {
        let mut batch = Batch::new();
        let body = vec![7; 200_000];
        batch.put(Table::Objects, Record { body, ..record(n, 0) }, Expected::New);
        batch
    };
    let (refused, error) =
        (100..200).find_map(|n| store.commit(large(n)).err().map(|e| (n, e))).unwrap();
    assert_eq!(error, Error::Full);
    // What makes things safer still works, again and again, also after a restart.
    let disable = |store: &Store, n: u64| {
        let mut batch = Batch::new();
        batch.reserved().put(Table::Objects, record(1, n), Expected::Any);
        store.commit(batch).unwrap();
    };
    (0..20).for_each(|n| disable(&store, n));
    // Ordinary changes do not use up the room that this needs.
    let mut ordinary = Batch::new();
    ordinary.put(Table::Objects, record(2, 0), Expected::New);
    assert_eq!(store.commit(ordinary), Err(Error::Full));
    store.verify().unwrap();
    drop(store);
    let store = Store::open(dir, &root).unwrap();
    (20..40).for_each(|n| disable(&store, n));

    std::fs::remove_file(ballast).unwrap();
    let mut destroy = Batch::new();
    destroy.destroy(key(1), Vec::new());
    store.commit(destroy).unwrap();
    store.commit(large(refused)).unwrap();
    drop(store);
    Store::open(dir, &root).unwrap().verify().unwrap();
}
