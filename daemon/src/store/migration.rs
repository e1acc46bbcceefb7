//! The store's schema version and the way from older ones.

use super::batch::Batch;
use super::database::{self, System};
use super::epoch::Epochs;
use super::head::Head;
use super::keys::Keys;
use super::transaction::Transaction;
use super::{Entry, Error, Table};
use redb::Database;

/// The schema that this program writes.
pub(super) const SCHEMA: u32 = 1;

/// One step from a schema to a later one: reads what it needs and says what to change.
pub(super) struct Migration {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) run: fn(&Reader<'_>) -> Result<Batch, Error>,
}

/// Gives all records of a table.
pub(super) type Reader<'a> = dyn Fn(Table) -> Result<Vec<Entry>, Error> + 'a;

//                                          from  to  run
pub(super) const MIGRATIONS: &[Migration] = &[];

/// Brings a store from `schema` to `target` in one transaction and gives the new head.
pub(super) fn migrate(
    database: &Database,
    keys: &Keys,
    epochs: &Epochs,
    head: Head,
    (schema, target): (u32, u32),
    migrations: &[Migration],
) -> Result<Head, Error> {
    if schema > target {
        return Err(Error::NewerSchema { found: schema, known: target });
    }
    if schema == target {
        return Ok(head);
    }
    let transaction = database::begin(database)?;
    let mut changes = Transaction::new(&transaction, keys, epochs, head)?;
    let mut reached = schema;
    while reached != target {
        let step = migrations.iter().find(|m| m.from == reached && m.to > reached);
        let step = step.ok_or(Error::NoMigration(reached))?;
        let batch = (step.run)(&|table| {
            let mut entries = Vec::new();
            database::scan(changes.records(), table, &[], |id, raw| {
                entries.push(keys.open(table, id, raw.to_vec())?);
                Ok(())
            })?;
            Ok(entries)
        })?;
        changes.apply(&batch)??;
        reached = step.to;
    }
    let head = changes.into_head();
    let sealed = head.seal(keys, target)?;
    System { schema: target, store: keys.store, head: sealed }.write(&transaction)?;
    transaction.commit()?;
    Ok(head)
}
