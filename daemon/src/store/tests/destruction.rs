use super::*;

fn destroy(store: &Store, key: KeyId) {
    let mut batch = Batch::new();
    batch.destroy(key, b"alias hash, dates".to_vec());
    store.commit(batch).unwrap();
}

fn epoch_files(place: &Place) -> Vec<String> {
    let names = std::fs::read_dir(place.path()).unwrap();
    let names = names.map(|e| e.unwrap().file_name().into_string().unwrap());
    names.filter(|n| n.starts_with("epoch")).collect()
}

#[test]
fn an_old_copy_of_the_store_does_not_open_a_destroyed_key() {
    let place = Place::new();
    let store = place.create();
    let (doomed, neighbour, distant) = (key(7, 1), key(7, 2), key(8, 1));
    for k in [doomed, neighbour, distant] {
        put_material(&store, k, 1, b"key bytes");
    }
    store.close().unwrap();
    let old_store = std::fs::read(place.file()).unwrap();
    let old_epoch = std::fs::read(epoch::path(place.path(), 1)).unwrap();
    let store = place.open().unwrap();
    destroy(&store, doomed);
    assert_eq!(has(&store, doomed, 1, b""), Err(Error::NoMaterial));
    assert!(has(&store, neighbour, 1, b"key bytes").unwrap());
    assert!(has(&store, distant, 1, b"key bytes").unwrap());
    store.close().unwrap();
    assert_eq!(epoch_files(&place), ["epoch.2"]);
    let new_epoch = std::fs::read(epoch::path(place.path(), 2)).unwrap();

    // The old file names an epoch file that is gone.
    std::fs::write(place.file(), &old_store).unwrap();
    let opened = place.open().err();
    assert_eq!(opened, Some(Error::Damaged(Damage::EpochMissing(1))));
    // Under the old name the present file does not open either.
    std::fs::write(epoch::path(place.path(), 1), &new_epoch).unwrap();
    assert_eq!(place.open().err(), Some(Error::Damaged(Damage::Epoch(1))));
    // And its keys, taken by force, do not unwrap what the old records hold.
    std::fs::write(epoch::path(place.path(), 1), &old_epoch).unwrap();
    std::fs::write(epoch::path(place.path(), 2), &new_epoch).unwrap();
    let present = {
        let database = Database::open(place.file()).unwrap();
        let system = System::read(&database.begin_read().unwrap()).unwrap();
        let keys = Keys::derive(system.store, &place.root).unwrap();
        Epochs::read(place.path(), &keys, 2).unwrap()
    };
    let store = place.open().unwrap();
    assert!(has(&store, doomed, 1, b"key bytes").unwrap(), "the control: both old files open it");
    *write(&store.shared.epochs) = Arc::new(present);
    let refused = Err(Error::Damaged(Damage::Record(Table::Wrapping)));
    assert_eq!(has(&store, doomed, 1, b"key bytes"), refused);
    assert!(has(&store, distant, 1, b"key bytes").unwrap());
}

#[test]
fn a_destroyed_key_leaves_a_tombstone_and_never_has_material_again() {
    let place = Place::new();
    let store = place.create();
    let doomed = key(7, 1);
    put_material(&store, doomed, 1, b"key bytes");
    put_material(&store, doomed, 2, b"more");
    destroy(&store, doomed);
    let tombstone = store.get(Table::Tombstones, doomed.into()).unwrap().unwrap();
    assert_eq!(tombstone.body, b"alias hash, dates");
    let mut batch = Batch::new();
    batch.put_material(material(&store, doomed, 3, b"again"));
    assert_eq!(store.commit(batch), Err(Error::Destroyed));
    let mut both = Batch::new();
    both.put_material(material(&store, key(7, 2), 1, b"born dead"));
    both.destroy(key(7, 2), Vec::new());
    assert_eq!(store.commit(both), Err(Error::Destroyed));
    let mut twice = Batch::new();
    twice.destroy(doomed, Vec::new());
    assert!(matches!(store.commit(twice), Err(Error::Conflict { .. })));
    assert_eq!(store.verify(), Ok(1));
}

#[test]
fn erased_material_of_one_version_leaves_the_others_and_can_be_put_again() {
    let place = Place::new();
    let store = place.create();
    let k = key(7, 1);
    put_material(&store, k, 1, b"first");
    put_material(&store, k, 2, b"second");
    let mut batch = Batch::new();
    batch.erase_material(k, Some(1));
    store.commit(batch).unwrap();
    assert_eq!(has(&store, k, 1, b"first"), Err(Error::NoMaterial));
    assert!(has(&store, k, 2, b"second").unwrap());
    put_material(&store, k, 1, b"first");
    assert!(has(&store, k, 1, b"first").unwrap());
    store.close().unwrap();
    assert_eq!(place.open().unwrap().verify(), Ok(4));
}

#[test]
fn destroying_many_keys_at_once_keeps_all_others() {
    let place = Place::new();
    let store = place.create();
    for n in 0..40 {
        put_material(&store, key(n % 4, n), 1, &[n; 32]);
    }
    std::thread::scope(|scope| {
        for n in (0..40).step_by(2) {
            let store = &store;
            scope.spawn(move || destroy(store, key(n % 4, n)));
        }
    });
    store.close().unwrap();
    let store = place.open().unwrap();
    for n in 0..40 {
        let found = has(&store, key(n % 4, n), 1, &[n; 32]);
        assert_eq!(found, if n % 2 == 0 { Err(Error::NoMaterial) } else { Ok(true) }, "{n}");
    }
    assert_eq!(epoch_files(&place).len(), 1);
}

#[test]
fn readers_never_see_new_records_with_old_epoch_keys() {
    let place = Place::new();
    let store = place.create();
    let steady = key(7, 0);
    put_material(&store, steady, 1, b"steady");
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !done.load(Relaxed) {
                assert!(has(&store, steady, 1, b"steady").unwrap());
                reads += 1;
            }
            reads
        });
        for n in 1..20 {
            put_material(&store, key(7, n), 1, b"short-lived");
            destroy(&store, key(7, n));
        }
        done.store(true, Relaxed);
        assert!(reader.join().unwrap() > 0);
    });
}

#[test]
fn an_epoch_file_that_a_crash_left_is_removed() {
    let place = Place::new();
    place.create();
    std::fs::write(epoch::path(place.path(), 2), b"written, then the power went").unwrap();
    std::fs::write(place.path().join("epoch.2.new"), b"half").unwrap();
    place.open().unwrap();
    assert_eq!(epoch_files(&place), ["epoch.1"]);
}
