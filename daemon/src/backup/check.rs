//! Checking the store: every record opens, the head counts them, key material opens, and records fit together.
//! Nothing is changed.

use crate::object::{Object, ObjectId, Tombstone};
use crate::partition::Partition;
use crate::pin::Pins;
use crate::store::{Entry, MaterialError, Row, Snapshot, Table};
use crate::vault::{self, Depth};

use super::references::{References, Wrapping};

/// Most findings that are told one by one.
const MOST: usize = 1000;

/// A check under way.
pub struct Check {
    snapshot: Snapshot,
    position: Option<Vec<u8>>,
    references: References,
    findings: Vec<String>,
    found: usize,
    /// Records that were checked.
    pub records: u64,
    /// Versions of key material that were opened.
    pub versions: u64,
    /// Whether everything was checked.
    pub finished: bool,
}

impl Check {
    /// Begins a check of a frozen store.
    pub fn new(snapshot: Snapshot) -> Self {
        let mut check = Self {
            snapshot,
            position: None,
            references: References::default(),
            findings: Vec::new(),
            found: 0,
            records: 0,
            versions: 0,
            finished: false,
        };
        for fault in check.snapshot.faults() {
            check.find(fault);
        }
        check
    }

    /// How many records the head counts.
    pub fn total(&self) -> u64 {
        Table::ALL.iter().map(|table| self.snapshot.records(*table)).sum()
    }

    /// Changes of the store before its moment.
    pub fn generation(&self) -> u64 {
        self.snapshot.generation()
    }

    /// Checks the next records, and gives what is wrong with them.
    pub fn step(&mut self, most: usize) -> Vec<String> {
        for _ in 0..most {
            match self.snapshot.next(self.position.as_deref()) {
                Ok(Some(row)) => {
                    self.position = Some(row.name().to_vec());
                    self.look_at(row);
                }
                Ok(None) => self.finish(),
                Err(error) => {
                    self.find(format!("the rest of the store cannot be read: {error}"));
                    self.finish();
                }
            }
            if self.finished {
                break;
            }
        }
        std::mem::take(&mut self.findings)
    }

    fn finish(&mut self) {
        if self.finished {
            return;
        }
        self.finished = true;
        for damage in self.snapshot.differences() {
            self.find(format!("the head does not agree: {damage}"));
        }
        for finding in self.references.findings(Wrapping::Present) {
            self.find(finding);
        }
        if self.found > MOST {
            self.findings.push(format!("and {} more", self.found - MOST));
        }
    }

    fn look_at(&mut self, row: Row) {
        self.records += 1;
        let Some((table, id)) = row.place() else {
            return self.find(format!("record {} is of no known table", hex::encode(row.name())));
        };
        let name = match id.as_bytes().try_into() {
            Ok(id) => format!("{table} {}", ObjectId(id)),
            Err(_) => match id.version() {
                Some((key, version)) => {
                    format!("{table} of key {} version {version}", ObjectId(key.0))
                }
                None => format!("{table} {}", hex::encode(id.as_bytes())),
            },
        };
        // What it adds to its table's sum is compared at the end; a header that cannot be read adds nothing.
        let _ = self.snapshot.count(&row);
        match self.snapshot.open(row) {
            Ok(entry) => {
                if !self.understand(table, &entry) {
                    self.find(format!("{name} has content that cannot be understood"));
                }
            }
            Err(_) => {
                self.find(format!("{name} does not open: it was changed or belongs elsewhere"));
            }
        }
    }

    /// Reads the content; says whether it could.
    fn understand(&mut self, table: Table, entry: &Entry) -> bool {
        let id = entry.id.as_bytes().try_into().map(ObjectId);
        match table {
            Table::Partitions => {
                let partition = Partition::from_entry(entry);
                partition.map(|partition| self.references.partition(partition.slot.0)).is_some()
            }
            Table::Objects => {
                Object::from_entry(entry).map(|object| self.references.object(&object)).is_some()
            }
            Table::Tombstones => match (id, Tombstone::from_bytes(&entry.body)) {
                (Ok(id), Some(_)) => {
                    self.references.tombstone(id);
                    true
                }
                _ => false,
            },
            Table::Pins => Pins::knows(entry),
            Table::Wrapping => {
                entry.id.version().map(|place| self.references.wrapping(place)).is_some()
            }
            Table::Material => entry.id.version().map(|place| self.open_material(place)).is_some(),
            Table::Imports => id.map(|id| self.references.import(id)).is_ok(),
            // Opaque here.
            Table::Meta | Table::Checkpoints | Table::Alarms | Table::Uses | Table::Ivs => true,
        }
    }

    fn open_material(&mut self, place: (crate::store::KeyId, u32)) {
        self.references.material(place);
        self.versions += 1;
        let (key, version) = place;
        let opened = vault::run(Depth::Small, |inside| {
            self.snapshot.open_material(inside, key, version).map(drop)
        });
        let error = match opened {
            Ok(Ok(()) | Err(MaterialError::Missing)) => return, // who has no wrapping key is told at the end
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        self.find(format!("version {version} of key {}: {error}", ObjectId(key.0)));
    }

    fn find(&mut self, what: String) {
        self.found += 1;
        if self.found <= MOST {
            self.findings.push(what);
        }
    }
}
