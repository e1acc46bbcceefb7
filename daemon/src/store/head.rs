//! The head: generation, epoch and, for each table, the number of records and a sum over them.
//! The sum is a keyed multiset hash (HMACs added modulo 2^256): it follows each change in constant
//! time and does not depend on order; without the key nobody finds two sets with one sum.

use super::keys::Keys;
use super::{Damage, Error, Table};
use crate::seal::aead;
use crate::vault::{self, Depth};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// State of the whole store, sealed anew in every transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Head {
    /// Counts batches.
    pub(super) generation: u64,
    /// Number of the epoch file.
    pub(super) epoch: u64,
    tables: BTreeMap<u8, Tally>,
}

/// Count and sum of one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Tally {
    records: u64,
    sum: [u8; 32],
}

const LABEL: &str = "coffer/1/head";

impl Head {
    /// The head of an empty store.
    pub(super) fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    pub(super) fn add(&mut self, table: Table, digest: &[u8; 32]) {
        let tally = self.tables.entry(table.number()).or_default();
        tally.records = tally.records.wrapping_add(1);
        tally.sum = sum(&tally.sum, digest, Direction::Add);
    }

    pub(super) fn remove(&mut self, table: Table, digest: &[u8; 32]) {
        let tally = self.tables.entry(table.number()).or_default();
        tally.records = tally.records.wrapping_sub(1);
        tally.sum = sum(&tally.sum, digest, Direction::Subtract);
    }

    /// Number of records in a table.
    pub(super) fn records(&self, table: Table) -> u64 {
        self.tally(table).records
    }

    /// Compares the tables with what was `counted` in the file.
    pub(super) fn compare(&self, counted: &Self) -> Result<(), Damage> {
        Table::ALL
            .into_iter()
            .try_for_each(|table| self.compare_table(counted, table).map_or(Ok(()), Err))
    }

    /// Compares one table with what was `counted`.
    pub(super) fn compare_table(&self, counted: &Self, table: Table) -> Option<Damage> {
        let (stated, found) = (self.tally(table), counted.tally(table));
        if found.records < stated.records {
            return Some(Damage::Missing { table, missing: stated.records - found.records });
        }
        if found.records > stated.records {
            return Some(Damage::Surplus { table, surplus: found.records - stated.records });
        }
        (found.sum != stated.sum).then_some(Damage::Changed(table))
    }

    pub(super) fn seal(&self, keys: &Keys, schema: u32) -> Result<Vec<u8>, Error> {
        let body = postcard::to_allocvec(self).map_err(|_| Error::TooLong)?;
        let mut raw = vec![0; body.len() + aead::OVERHEAD];
        raw[aead::FRONT..aead::FRONT + body.len()].copy_from_slice(&body);
        let associated = associated(keys, schema);
        vault::run(Depth::Small, |inside| {
            aead::seal(keys.head.get(inside), LABEL, &associated, &mut raw)
        })?
        .map_err(|e| Error::sealing(e, Damage::Head))?;
        Ok(raw)
    }

    pub(super) fn open(keys: &Keys, schema: u32, mut raw: Vec<u8>) -> Result<Self, Error> {
        let associated = associated(keys, schema);
        let range = vault::run(Depth::Small, |inside| {
            let opened = aead::open(keys.head.get(inside), LABEL, &associated, &mut raw);
            opened.map(|r| (r.start, r.end))
        })?;
        let (start, end) = range.map_err(|e| Error::sealing(e, Damage::Head))?;
        match postcard::take_from_bytes(&raw[start..end]) {
            Ok((head, [])) => Ok(head),
            _ => Err(Error::Damaged(Damage::Head)),
        }
    }

    fn tally(&self, table: Table) -> Tally {
        self.tables.get(&table.number()).copied().unwrap_or_default()
    }
}

fn associated(keys: &Keys, schema: u32) -> Vec<u8> {
    [&keys.store[..], &schema.to_be_bytes()].concat()
}

#[derive(Clone, Copy)]
enum Direction {
    Add,
    Subtract,
}

/// Adds or subtracts little-endian numbers modulo 2^256.
fn sum(a: &[u8; 32], b: &[u8; 32], direction: Direction) -> [u8; 32] {
    let mut out = [0; 32];
    let mut carry = false;
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        let (first, second);
        (*out, first) = match direction {
            Direction::Add => a.overflowing_add(*b),
            Direction::Subtract => a.overflowing_sub(*b),
        };
        (*out, second) = match direction {
            Direction::Add => out.overflowing_add(u8::from(carry)),
            Direction::Subtract => out.overflowing_sub(u8::from(carry)),
        };
        carry = first | second;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_can_be_subtracted_in_any_order() {
        let parts = [[0xFF; 32], [0x80; 32], [1; 32]];
        let mut head = Head::default();
        for part in &parts {
            head.add(Table::Objects, part);
        }
        for part in parts.iter().rev() {
            head.remove(Table::Objects, part);
        }
        assert_eq!(head.tally(Table::Objects), Tally::default());
    }

    #[test]
    fn carries_run_through_all_bytes() {
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(sum(&[0xFF; 32], &one, Direction::Add), [0; 32]);
        assert_eq!(sum(&[0; 32], &one, Direction::Subtract), [0xFF; 32]);
    }

    #[test]
    fn the_comparison_names_the_table_and_the_kind_of_damage() {
        let (mut stated, mut found) = (Head::default(), Head::default());
        stated.add(Table::Pins, &[1; 32]);
        let table = Table::Pins;
        assert_eq!(stated.compare(&found), Err(Damage::Missing { table, missing: 1 }));
        assert_eq!(found.compare(&stated), Err(Damage::Surplus { table, surplus: 1 }));
        found.add(table, &[2; 32]);
        assert_eq!(stated.compare(&found), Err(Damage::Changed(table)));
    }
}
