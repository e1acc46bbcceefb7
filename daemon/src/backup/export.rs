//! Writing a backup: the frozen store, record by record, as the bytes of a file.

use std::collections::BTreeSet;

use coffer_protocol::ErrorCode;

use super::key::{BackupKey, Place};
use super::line::{self, Line, Tally};
use super::{CHUNK, Header, TAG};
use crate::Error;
use crate::object::ObjectId;
use crate::service::Payload;
use crate::store::{InBackup, KeyId, Row, Snapshot, Table};
use crate::vault::{self, Depth, Public};

/// A reply brings so many chunks.
const PART: usize = 4 * (CHUNK + TAG);

/// A backup under way.
pub struct Export {
    snapshot: Snapshot,
    key: BackupKey,
    /// What stands before the first chunk, until it was given.
    header: Option<Header>,
    /// Name of the last row.
    position: Option<Vec<u8>>,
    waiting: Vec<u8>,
    chunk: u32,
    tally: Tally,
    /// Open import tokens; their private keys stay here with them. Tables are read in order, and theirs comes first.
    imports: BTreeSet<KeyId>,
    records: u64,
    ended: bool,
}

/// A part of the file.
#[derive(Debug)]
pub struct Part {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether the file ends with it.
    pub last: bool,
}

impl Export {
    /// Begins a backup of a frozen store.
    ///
    /// # Errors
    ///
    /// Whatever the derivation reports.
    pub fn new(snapshot: Snapshot, passphrase: &Payload<'_>, now: i64) -> Result<Self, Error> {
        let (key, header) = BackupKey::new(passphrase, now, snapshot.generation())?;
        Ok(Self {
            snapshot,
            key,
            header: Some(header),
            position: None,
            waiting: Vec::new(),
            chunk: 0,
            tally: Tally::default(),
            imports: BTreeSet::new(),
            records: 0,
            ended: false,
        })
    }

    /// How many records it will have.
    pub fn total(&self) -> u64 {
        let kept = Table::ALL.iter().filter(|table| table.in_backup() != InBackup::Left);
        let kept: u64 = kept.map(|table| self.snapshot.records(*table)).sum();
        kept.saturating_sub(self.snapshot.records(Table::Imports))
    }

    /// How many records were written.
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// How many records of a table were written.
    pub fn count(&self, table: Table) -> u64 {
        self.tally.manifest().counts.get(&table.number()).copied().unwrap_or(0)
    }

    /// Changes of the store before its moment.
    pub fn generation(&self) -> u64 {
        self.snapshot.generation()
    }

    /// The next bytes of the file.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::StoreFailed`] for a record that does not open: a backup that lacks a key is none.
    pub fn next_part(&mut self) -> Result<Part, Error> {
        let mut bytes = self.header.take().map(|header| header.encode()).unwrap_or_default();
        while bytes.len() < PART {
            while !self.ended && self.waiting.len() <= CHUNK {
                self.gather()?;
            }
            let last = self.waiting.len() <= CHUNK;
            let place = if last { Place::Last } else { Place::Middle };
            let size = self.waiting.len().min(CHUNK);
            let mut chunk: Vec<u8> = self.waiting.drain(..size).collect();
            self.key.seal_chunk(self.chunk, place, &mut chunk)?;
            self.chunk = self.chunk.checked_add(1).ok_or(ErrorCode::TooLarge)?;
            bytes.extend(chunk);
            if last {
                return Ok(Part { bytes, last });
            }
        }
        Ok(Part { bytes, last: false })
    }

    /// Takes the next row, or the manifest after the last one.
    fn gather(&mut self) -> Result<(), Error> {
        let Some(row) = self.snapshot.next(self.position.as_deref())? else {
            let manifest = line::encode(line::MANIFEST, &self.tally.manifest());
            self.waiting.extend(manifest.ok_or(ErrorCode::Internal)?);
            self.ended = true;
            return Ok(());
        };
        self.position = Some(row.name().to_vec());
        let unknown = || unopened(&format!("record {}", hex::encode(row.name())));
        let (table, id) = row.place().ok_or_else(unknown)?;
        let line = match table.in_backup() {
            InBackup::Left => {
                if table == Table::Imports {
                    self.imports.extend(id.as_bytes().try_into().map(KeyId).ok());
                }
                return Ok(());
            }
            InBackup::Copied => {
                let entry = self.open(table, row)?;
                let body = entry.body.clone();
                Line::new(table, &entry, body)
            }
            InBackup::Resealed
                if id.version().is_some_and(|(key, _)| self.imports.contains(&key)) =>
            {
                return Ok(());
            }
            InBackup::Resealed => self.reseal(table, row)?,
        };
        let encoded = line::encode(line::RECORD, &line).ok_or(ErrorCode::Internal)?;
        self.tally.add(table, &encoded);
        self.waiting.extend(encoded);
        self.records += 1;
        Ok(())
    }

    fn open(&self, table: Table, row: Row) -> Result<crate::store::Entry, Error> {
        let name = hex::encode(row.name().get(1..).unwrap_or_default());
        self.snapshot.open(row).map_err(|_| unopened(&format!("{table} record {name}")))
    }

    /// Opens key material and seals it for the backup, inside the vault.
    fn reseal(&self, table: Table, row: Row) -> Result<Line, Error> {
        let entry = self.open(table, row)?;
        let place = entry.id.version().ok_or_else(|| unopened("a key material record"))?;
        let sealed = vault::run(Depth::Small, |inside| {
            let material = self.snapshot.open_material(inside, place.0, place.1)?;
            self.key.seal_material(inside, place, material.get(inside))
        })?;
        let Public(body) = sealed.map_err(|error| {
            let (id, version) = (ObjectId(place.0.0), place.1);
            tracing::error!(key = %id, version, %error, "key material cannot be backed up");
            unopened(&format!("version {version} of key {id}"))
        })?;
        Ok(Line::new(table, &entry, body))
    }
}

fn unopened(what: &str) -> Error {
    let text = format!("{what} does not open; there is no backup. Run `coffer store check`");
    Error::about(ErrorCode::StoreUnreadable, text)
}
