use super::*;

/// A closed store with records of several tables; the old form of record 1 comes with it.
fn filled() -> (Place, Vec<u8>) {
    let place = Place::new();
    let store = place.create();
    store.commit(put(Table::Objects, 1, b"one, old")).unwrap();
    store.close().unwrap();
    let old = place.rows().remove(0).1;
    let store = place.open().unwrap();
    for (id, body) in [(1, b"one, new"), (2, b"the next"), (3, b"the last")] {
        store.commit(put(Table::Objects, id, body)).unwrap();
    }
    store.commit(put(Table::Pins, 1, b"a pin")).unwrap();
    put_material(&store, key(7, 1), 1, b"key bytes");
    store.close().unwrap();
    (place, old)
}

fn object(id: u8) -> Vec<u8> {
    database::name(Table::Objects, RecordId::from([id; 16]))
}

fn damage(place: &Place) -> Damage {
    match place.open() {
        Err(Error::Damaged(damage)) => damage,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("the damaged store opened"),
    }
}

#[test]
fn a_deleted_record_is_noticed() {
    let (place, _) = filled();
    place.tamper(|t| drop(t.remove(object(2).as_slice()).unwrap()));
    assert_eq!(damage(&place), Damage::Missing { table: Table::Objects, missing: 1 });
}

#[test]
fn an_added_record_is_noticed() {
    let (place, old) = filled();
    place.tamper(|t| drop(t.insert(object(9).as_slice(), old.as_slice()).unwrap()));
    assert_eq!(damage(&place), Damage::Surplus { table: Table::Objects, surplus: 1 });
}

#[test]
fn a_rolled_back_record_is_noticed() {
    let (place, old) = filled();
    place.tamper(|t| drop(t.insert(object(1).as_slice(), old.as_slice()).unwrap()));
    assert_eq!(damage(&place), Damage::Changed(Table::Objects));
}

#[test]
fn swapped_records_are_noticed() {
    let (place, _) = filled();
    let rows = place.rows();
    let form = |id| &rows.iter().find(|(name, _)| *name == object(id)).unwrap().1;
    place.tamper(|t| {
        t.insert(object(2).as_slice(), form(3).as_slice()).unwrap();
        t.insert(object(3).as_slice(), form(2).as_slice()).unwrap();
    });
    assert_eq!(damage(&place), Damage::Changed(Table::Objects));
}

#[test]
fn a_record_of_an_unknown_table_is_noticed() {
    let (place, old) = filled();
    place.tamper(|t| drop(t.insert(&[99, 1][..], old.as_slice()).unwrap()));
    assert_eq!(damage(&place), Damage::UnknownTable(99));
}

#[test]
fn every_changed_byte_of_a_record_is_noticed_without_the_head_too() {
    let (place, _) = filled();
    let rows = place.rows();
    let store = place.open().unwrap();
    for (name, raw) in rows {
        let table = Table::from_number(name[0]).unwrap();
        let id = RecordId::try_from(&name[1..]).unwrap();
        store.shared.keys.open(table, id, raw.clone()).unwrap();
        for i in 0..raw.len() {
            let mut bad = raw.clone();
            bad[i] ^= 0x10;
            let opened = store.shared.keys.open(table, id, bad);
            assert_eq!(opened, Err(Error::Damaged(Damage::Record(table))), "byte {i}");
        }
        for length in 0..raw.len() {
            assert!(store.shared.keys.open(table, id, raw[..length].to_vec()).is_err());
        }
        let elsewhere = RecordId::from([0xEE; 16]);
        assert!(store.shared.keys.open(table, elsewhere, raw.clone()).is_err());
        assert!(store.shared.keys.open(Table::Meta, id, raw).is_err());
    }
}

#[test]
fn another_root_key_does_not_open_the_store() {
    let (place, _) = filled();
    let other = Place::new();
    let opened = Store::open(place.path(), &other.root);
    assert_eq!(opened.err(), Some(Error::Damaged(Damage::Head)));
}

#[test]
fn a_store_of_the_same_root_key_is_no_substitute_for_an_epoch_file() {
    let (place, _) = filled();
    let other = Place::new();
    Store::create(other.path(), &place.root).unwrap();
    std::fs::copy(epoch::path(other.path(), 1), epoch::path(place.path(), 1)).unwrap();
    assert_eq!(damage(&place), Damage::Epoch(1));
    std::fs::remove_file(epoch::path(place.path(), 1)).unwrap();
    assert_eq!(damage(&place), Damage::EpochMissing(1));
}

#[test]
fn flipped_bits_anywhere_are_refused_or_change_nothing() {
    let (place, _) = filled();
    let good = std::fs::read(place.file()).unwrap();
    let rows = place.rows();
    let (mut refused, mut harmless) = (0, 0);
    let interesting: Vec<usize> = (0..good.len()).filter(|i| good[*i] != 0).collect();
    // Every byte of the header, then a stride through all that is not empty.
    let header = interesting.iter().filter(|i| **i < 320);
    for i in header.chain(interesting.iter().step_by(211)) {
        let mut bad = good.clone();
        bad[*i] ^= 1 << (i % 8);
        std::fs::write(place.file(), &bad).unwrap();
        match place.open() {
            Ok(store) => {
                store.verify().unwrap();
                store.close().unwrap();
                assert_eq!(place.rows(), rows, "byte {i}");
                harmless += 1;
            }
            Err(Error::Damaged(_)) => refused += 1,
            Err(other) => panic!("byte {i}: {other}"),
        }
    }
    assert!(refused > 10, "{refused} refused, {harmless} harmless");
}

#[test]
fn flipped_bits_of_the_epoch_file_are_refused() {
    let (place, _) = filled();
    let path = epoch::path(place.path(), 1);
    let good = std::fs::read(&path).unwrap();
    for i in (0..good.len()).step_by(509) {
        let mut bad = good.clone();
        bad[i] ^= 1;
        std::fs::write(&path, bad).unwrap();
        assert_eq!(damage(&place), Damage::Epoch(1));
    }
    std::fs::write(&path, &good[1..]).unwrap();
    assert_eq!(damage(&place), Damage::Epoch(1));
}

#[test]
fn truncated_files_are_refused() {
    let (place, _) = filled();
    let good = std::fs::read(place.file()).unwrap();
    for length in [0, 1, 64, 320, 4096, good.len() / 2, good.len() - 4096] {
        std::fs::write(place.file(), &good[..length]).unwrap();
        let error = place.open().err().unwrap();
        assert!(error.is_storage(), "{length}: {error}");
    }
}
