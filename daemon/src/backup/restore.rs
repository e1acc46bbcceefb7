//! Restoring: the file is kept aside as it comes, read whole and verified, and only then read again into the store,
//! in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use coffer_protocol::ErrorCode;

use super::key::BackupKey;
use super::line;
use super::reader::Reader;
use super::references::{References, Wrapping};
use super::{Header, damaged};
use crate::Error;
use crate::object::{Object, ObjectId, Tombstone, cmk};
use crate::partition::Partition;
use crate::seal::durable;
use crate::service::Payload;
use crate::store::{self, Entry, Fill, Filling, InBackup, Table};

/// Most bytes of a file.
const LONGEST: u64 = 4 << 30;
/// Where the file is kept aside; nameless as soon as it is open.
const SPOOL: &str = "restore.spool";

/// A restore under way.
pub struct Restore {
    header: Header,
    key: Arc<BackupKey>,
    spool: File,
    received: u64,
    plan: Option<Arc<Plan>>,
}

/// What restoring does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Partitions that come back, with how many objects.
    pub partitions: Vec<(Partition, u64)>,
    /// Objects that come back.
    pub objects: u64,
    /// Keys among them.
    pub keys: u64,
    /// Versions of key material.
    pub versions: u64,
    /// Tombstones in the backup.
    pub tombstones: u64,
    /// Objects that do not come back: this store remembers their destruction.
    pub skipped: BTreeSet<ObjectId>,
    /// Ids that may not come back.
    buried: BTreeSet<ObjectId>,
}

impl Restore {
    /// Opens a backup.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::BackupDamaged`] for the header, [`ErrorCode::BackupPassphrase`], or where the state directory
    /// takes no file.
    pub fn new(header: &[u8], passphrase: &Payload<'_>, directory: &Path) -> Result<Self, Error> {
        let header = Header::decode(header)?;
        let key = Arc::new(BackupKey::open(passphrase, &header)?);
        let path = directory.join(SPOOL);
        let spool = durable::new_file(&path).map_err(|error| spooling(&error))?;
        std::fs::remove_file(&path).map_err(|error| spooling(&error))?;
        Ok(Self { header, key, spool, received: 0, plan: None })
    }

    /// What stands before the first chunk.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes so far.
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::TooLarge`], or where the disk does not take them.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.plan.is_some() {
            return Err(damaged("it has ended already"));
        }
        let received = self.received.saturating_add(bytes.len() as u64);
        if received > LONGEST {
            return Err(Error::about(ErrorCode::TooLarge, "a backup of more than 4 GiB"));
        }
        self.spool.write_all(bytes).map_err(|error| spooling(&error))?;
        self.received = received;
        Ok(())
    }

    /// Reads the whole file and says what restoring would do; changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::BackupDamaged`], with what is wrong.
    pub fn examine(&mut self, store: &store::Store) -> Result<Arc<Plan>, Error> {
        let mut plan = Plan::default();
        store.load(Table::Tombstones, |entry| {
            if let Ok(id) = entry.id.as_bytes().try_into() {
                plan.buried.extend([ObjectId(id), cmk::public_half_id(ObjectId(id))]);
            }
        })?;
        self.spool.seek(SeekFrom::Start(0)).map_err(|error| spooling(&error))?;
        let mut reader = Reader::new(&self.spool, self.received, &self.key);
        let mut references = References::default();
        let mut objects: BTreeMap<u32, u64> = BTreeMap::new();
        while let Some((table, entry)) = reader.next()? {
            self.look_at(table, &entry, &mut plan, &mut references, &mut objects)?;
        }
        if let Some(finding) = references.findings(Wrapping::Absent).first() {
            return Err(damaged(finding.clone()));
        }
        for (partition, count) in &mut plan.partitions {
            *count = objects.get(&partition.slot.0).copied().unwrap_or(0);
        }
        let plan = Arc::new(plan);
        self.plan = Some(Arc::clone(&plan));
        Ok(plan)
    }

    fn look_at(
        &self,
        table: Table,
        entry: &Entry,
        plan: &mut Plan,
        references: &mut References,
        objects: &mut BTreeMap<u32, u64>,
    ) -> Result<(), Error> {
        let newer = || damaged(format!("a {table} record is of a newer version of Coffer"));
        match table {
            Table::Partitions => {
                let partition = Partition::from_entry(entry).ok_or_else(newer)?;
                references.partition(partition.slot.0);
                plan.partitions.push((partition, 0));
            }
            Table::Objects => {
                let object = Object::from_entry(entry).ok_or_else(newer)?;
                references.object(&object);
                if plan.buried.contains(&object.id) {
                    plan.skipped.insert(object.id);
                    return Ok(());
                }
                *objects.entry(object.slot.0).or_default() += 1;
                plan.objects += 1;
                plan.keys += u64::from(object.key.is_some());
            }
            Table::Tombstones => {
                let id = entry.id.as_bytes().try_into().map(ObjectId).map_err(|_| newer())?;
                Tombstone::from_bytes(&entry.body).ok_or_else(newer)?;
                references.tombstone(id);
                plan.tombstones += 1;
            }
            Table::Material => {
                let place = entry.id.version().ok_or_else(newer)?;
                if !self.key.opens(place, &entry.body)? {
                    return Err(damaged("key material does not open"));
                }
                references.material(place);
                plan.versions += u64::from(!plan.buried.contains(&ObjectId(place.0.0)));
            }
            // A table that is copied as it is: nothing here reads it.
            _ if table.in_backup() == InBackup::Copied => {}
            _ => return Err(newer()),
        }
        Ok(())
    }

    /// What restoring does, once the file was examined.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::NoTransfer`] before.
    pub fn plan(&self) -> Result<Arc<Plan>, Error> {
        self.plan.clone().ok_or(ErrorCode::NoTransfer.into())
    }

    /// What fills the store with the file.
    ///
    /// # Errors
    ///
    /// As [`Restore::plan`], or where the file that was kept aside cannot be read.
    pub fn filling(&self) -> Result<Fill, Error> {
        let plan = self.plan()?;
        let mut spool = self.spool.try_clone().map_err(|error| spooling(&error))?;
        spool.seek(SeekFrom::Start(0)).map_err(|error| spooling(&error))?;
        let (key, length) = (Arc::clone(&self.key), self.received);
        Ok(Box::new(move |filling| {
            fill(filling, Reader::new(spool, length, &key), &plan, &key).map_err(
                |error| match error {
                    Error::Store(error) => error,
                    other => store::Error::Source(other.failure().to_string()),
                },
            )
        }))
    }
}

fn fill(
    filling: &mut Filling<'_, '_>,
    mut reader: Reader<'_, File>,
    plan: &Plan,
    key: &BackupKey,
) -> Result<(), Error> {
    // Empty partitions give way, and their PINs with them: whoever knew those gets no key.
    filling.clear(Table::Partitions)?;
    filling.clear(Table::Pins)?;
    let store = filling.store();
    while let Some((table, entry)) = reader.next()? {
        let owner = entry.id.as_bytes().first_chunk().map(|id| ObjectId(*id));
        let buried = owner.is_some_and(|id| plan.buried.contains(&id));
        match table {
            Table::Objects | Table::Material if buried => {}
            Table::Material => {
                let place = entry.id.version().ok_or_else(|| damaged("key material has no key"))?;
                filling.put_material(&key.reseal(&store, place, &entry.body)?)?;
            }
            Table::Partitions => {
                let partition = Partition::from_entry(&entry);
                let mut partition = partition.ok_or_else(|| damaged("a partition"))?;
                // The owner sets PINs anew; until then the token is there and nobody logs in.
                partition.initialised = true;
                partition.user_pin = false;
                filling.put(table, &partition.to_record()?)?;
            }
            Table::Tombstones if filling.has(table, entry.id)? => {}
            _ => filling.put(table, &line::record(entry))?,
        }
    }
    Ok(())
}

fn spooling(error: &std::io::Error) -> Error {
    let what = format!("the backup cannot be kept aside in the state directory: {error}");
    Error::about(ErrorCode::StoreFailed, what)
}
