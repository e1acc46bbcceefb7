use super::*;

#[test]
fn what_was_committed_is_there_after_reopening() {
    let place = Place::new();
    let store = place.create();
    let generation = store.commit(put(Table::Objects, 1, b"body")).unwrap();
    put_material(&store, key(7, 1), 2, b"key bytes");
    store.close().unwrap();
    let store = place.open().unwrap();
    let entry = store.get(Table::Objects, RecordId::from([1; 16])).unwrap().unwrap();
    let Entry { id, version, state, generation: of, body } = entry;
    assert_eq!((id.as_bytes(), version, state, of), (&[1; 16][..], 3, 2, generation));
    assert_eq!(body, b"body");
    assert!(has(&store, key(7, 1), 2, b"key bytes").unwrap());
    assert_eq!(has(&store, key(7, 1), 3, b""), Err(Error::NoMaterial));
    assert_eq!(store.generation(), generation + 1);
    assert_eq!(store.verify(), Ok(3));
}

#[test]
fn loading_gives_every_record_of_one_table_only() {
    let place = Place::new();
    let store = place.create();
    for id in 0..20 {
        store.commit(put(Table::Objects, id, &[id; 3])).unwrap();
        store.commit(put(Table::Pins, id, b"pin")).unwrap();
    }
    let mut seen = Vec::new();
    store.load(Table::Objects, |entry| seen.push(entry.body)).unwrap();
    assert_eq!(seen, (0..20).map(|id| vec![id; 3]).collect::<Vec<_>>());
}

#[test]
fn a_missing_store_is_not_made_and_an_existing_one_not_replaced() {
    let place = Place::new();
    let missing = place.open().err().unwrap();
    assert!(matches!(missing, Error::Missing(_)) && missing.to_string().contains("coffer init"));
    assert!(!place.file().exists());
    place.create();
    assert!(matches!(Store::create(place.path(), &place.root), Err(Error::Exists(_))));
}

#[test]
fn a_second_opener_is_refused() {
    let place = Place::new();
    let _store = place.create();
    assert!(matches!(place.open(), Err(Error::InUse(_))));
}

#[test]
fn a_batch_takes_effect_whole_or_not_at_all() {
    let place = Place::new();
    let store = place.create();
    let generation = store.commit(put(Table::Objects, 1, b"old")).unwrap();
    let id = RecordId::from([1; 16]);
    let table = Table::Objects;
    for wrong in [Expected::New, Expected::Generation(generation + 1)] {
        let mut batch = put(Table::Pins, 9, b"pin");
        batch.put(table, record(1, b"new"), wrong);
        let found = Some(generation);
        assert_eq!(store.commit(batch), Err(Error::Conflict { table, found }));
    }
    assert_eq!(store.get(Table::Pins, RecordId::from([9; 16])).unwrap(), None);
    assert_eq!(store.get(table, id).unwrap().unwrap().body, b"old");
    let mut batch = Batch::new();
    batch.delete(table, id, Expected::Generation(generation));
    assert_eq!(store.commit(batch), Ok(generation + 1));
    let mut batch = Batch::new();
    batch.delete(table, id, Expected::Generation(generation));
    assert_eq!(store.commit(batch), Err(Error::Conflict { table, found: None }));
    assert_eq!(store.verify(), Ok(0));
}

#[test]
fn what_cannot_be_taken_is_refused_by_name() {
    let place = Place::new();
    let store = place.create();
    let internal = store.commit(put(Table::Material, 1, b"forged"));
    assert_eq!(internal, Err(Error::Internal(Table::Material)));
    let mut twice = put(Table::Pins, 1, b"a");
    twice.put(Table::Pins, record(1, b"b"), Expected::Any);
    assert_eq!(store.commit(twice), Err(Error::Twice(Table::Pins)));
    let long = store.commit(put(Table::Pins, 1, &vec![0; LONGEST_BODY + 1]));
    assert_eq!(long, Err(Error::TooLong));
    assert_eq!(RecordId::try_from(&[0; 33][..]), Err(Error::TooLong));
    let long = vec![0; LONGEST_MATERIAL + 1];
    let sealed = vault::run(Depth::Large, |inside| {
        store.seal_material(inside, key(1, 1), 1, &long).map(|_| ())
    });
    assert_eq!(sealed.unwrap(), Err(MaterialError::TooLong));
    put_material(&store, key(1, 1), 1, b"first");
    let mut again = Batch::new();
    again.put_material(material(&store, key(1, 1), 1, b"second"));
    assert!(matches!(store.commit(again), Err(Error::Conflict { .. })));
}

#[test]
fn waiting_batches_share_a_transaction_and_a_conflict_fails_only_its_own() {
    let place = Place::new();
    let store = place.create();
    let conflicts = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16_u8)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || {
                    let mut conflicts = 0;
                    for round in 0..10 {
                        let mut batch = put(Table::Objects, thread * 16 + round, b"own");
                        // All threads race for one name per round.
                        batch.put(Table::Pins, record(round, &[thread]), Expected::New);
                        match store.commit(batch) {
                            Ok(_) => {}
                            Err(Error::Conflict { .. }) => conflicts += 1,
                            Err(e) => panic!("{e}"),
                        }
                    }
                    conflicts
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum::<u64>()
    });
    let Statistics { batches, transactions } = store.statistics();
    assert_eq!((batches, conflicts), (10, 150));
    assert!(transactions <= batches);
    assert_eq!(store.verify(), Ok(20));
}

#[test]
fn generations_are_unique_over_all_threads() {
    let place = Place::new();
    let store = place.create();
    let mut generations = std::thread::scope(|scope| {
        let store = &store;
        let commit =
            move |t: u8| (0..8).map(move |_| store.commit(put(Table::Pins, t, b"")).unwrap());
        let threads: Vec<_> =
            (0..16).map(|t| scope.spawn(move || commit(t).collect::<Vec<_>>())).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect::<Vec<_>>()
    });
    generations.sort_unstable();
    assert_eq!(generations, (1..=128).collect::<Vec<_>>());
    let Statistics { batches, transactions } = store.statistics();
    assert!(batches == 128 && transactions < 128, "{transactions} transactions");
}
