use super::*;
use migration::{Migration, migrate};

fn upper_case(read: &migration::Reader<'_>) -> Result<Batch, Error> {
    let mut batch = Batch::new();
    for entry in read(Table::Objects)? {
        let Entry { id, version, state, generation, body } = entry;
        let record = Record { id, version, state, body: body.to_ascii_uppercase() };
        batch.put(Table::Objects, record, Expected::Generation(generation));
    }
    Ok(batch)
}

fn fails(_: &migration::Reader<'_>) -> Result<Batch, Error> {
    Err(Error::TooLong)
}

/// Runs migrations on a closed store as if the program's schema were 3.
fn to_three(place: &Place, steps: &[Migration]) -> Result<Head, Error> {
    let database = Database::open(place.file()).unwrap();
    let snapshot = database.begin_read().unwrap();
    let system = System::read(&snapshot).unwrap();
    let keys = Keys::derive(system.store, &place.root).unwrap();
    let head = check(&snapshot, &keys, system.schema, system.head)?;
    drop(snapshot);
    let epochs = Epochs::read(place.path(), &keys, head.epoch).unwrap();
    migrate(&database, &keys, &epochs, head, (system.schema, 3), steps)
}

fn filled() -> Place {
    let place = Place::new();
    let store = place.create();
    store.commit(put(Table::Objects, 1, b"text")).unwrap();
    store.close().unwrap();
    place
}

#[test]
fn migrations_run_in_turn_and_the_result_verifies() {
    let place = filled();
    let steps = [
        Migration { from: 2, to: 3, run: upper_case },
        Migration { from: 1, to: 2, run: |_| Ok(put(Table::Meta, 5, b"made by the first step")) },
    ];
    let head = to_three(&place, &steps).unwrap();
    assert_eq!(head.generation, 3);
    assert_eq!(to_three(&place, &[]).unwrap(), head, "it is at 3 and verifies");
    let objects: Vec<_> = place.rows().into_iter().filter(|(n, _)| n[0] == 3).collect();
    assert_eq!(objects.len(), 1);
    let opened = place.open().err();
    assert_eq!(opened, Some(Error::NewerSchema { found: 3, known: SCHEMA }));
}

#[test]
fn a_failing_migration_changes_nothing() {
    let place = filled();
    let before = place.rows();
    let steps =
        [Migration { from: 1, to: 2, run: upper_case }, Migration { from: 2, to: 3, run: fails }];
    assert_eq!(to_three(&place, &steps), Err(Error::TooLong));
    assert_eq!(to_three(&place, &steps[..1]), Err(Error::NoMigration(2)));
    assert_eq!(place.rows(), before);
    place.open().unwrap();
}

#[test]
fn the_schema_number_is_authenticated() {
    let place = filled();
    let database = Database::open(place.file()).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let system = redb::TableDefinition::<&[u8], &[u8]>::new("system");
        let mut system = transaction.open_table(system).unwrap();
        system.insert(&b"schema"[..], &0_u32.to_be_bytes()[..]).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    assert_eq!(place.open().err(), Some(Error::Damaged(Damage::Head)));
}
