//! GetKeyLastUsage, and the memory of it. Uses of the last minute may be forgotten in a crash.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coffer_protocol::ErrorCode;
use coffer_protocol::handshake::request_id;
use coffer_protocol::operation::kms::{GetKeyLastUsage, KeyLastUsage};
use coffer_protocol::operation::{self, Row};
use serde::{Deserialize, Serialize};

use super::super::{Answer, Authorized, Handle, Service};
use super::{find, validate_name};
use crate::Error;
use crate::object::{Object, ObjectId};
use crate::store::{Batch, Expected, Record, RecordId, Store, Table};

/// Most records that are written at once.
const WRITTEN_AT_ONCE: usize = 256;
/// Keys are spread over so many locks: those who use different keys do not wait for each other.
const STRIPES: usize = 64;

/// The last use of a key. The stored form, in the frozen order of its fields.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Use {
    operation: u16,
    time: i64,
    event: String,
}

/// The last use of a key, whose text is made when somebody wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Last {
    operation: u16,
    time: i64,
    event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Event {
    /// Of an earlier run of the daemon.
    Stored(String),
    /// Of this run.
    Request { connection: u32, request: u64 },
}

/// When keys were used last.
#[derive(Debug)]
pub struct Uses {
    store: Arc<Store>,
    instance: [u8; 16],
    since: i64,
    known: [Mutex<Known>; STRIPES],
}

#[derive(Debug, Default)]
struct Known {
    last: HashMap<ObjectId, Last>,
    /// What the store does not have yet.
    unsaved: HashSet<ObjectId>,
}

fn beginning() -> Result<RecordId, crate::store::Error> {
    RecordId::try_from(&b"uses-since"[..])
}

impl Uses {
    /// Reads what is known.
    ///
    /// # Errors
    ///
    /// Whatever the store reports.
    pub fn load(store: Arc<Store>, instance: [u8; 16], now: i64) -> Result<Self, Error> {
        let since = if let Some(entry) = store.get(Table::Meta, beginning()?)? {
            entry.body.try_into().map_or(now, i64::from_be_bytes)
        } else {
            let body = now.to_be_bytes().to_vec();
            let record = Record { id: beginning()?, version: 0, state: 0, body };
            let mut batch = Batch::new();
            batch.put(Table::Meta, record, Expected::New);
            store.commit(batch)?;
            now
        };
        let known = std::array::from_fn(|_| Mutex::default());
        let uses = Self { store, instance, since, known };
        uses.store.load(Table::Uses, |entry| {
            let id = entry.id.as_bytes().try_into().map(ObjectId);
            // One that cannot be read is one that is not known.
            if let (Ok(id), Ok(Use { operation, time, event })) =
                (id, postcard::from_bytes(&entry.body))
            {
                let last = Last { operation, time, event: Event::Stored(event) };
                uses.stripe(id).last.insert(id, last);
            }
        })?;
        Ok(uses)
    }

    /// Notes a use by a request of a connection.
    pub fn note(&self, key: ObjectId, row: &Row, time: i64, connection: u32, request: u64) {
        let event = Event::Request { connection, request };
        let mut known = self.stripe(key);
        known.last.insert(key, Last { operation: row.number, time, event });
        known.unsaved.insert(key);
    }

    /// Forgets a key that was destroyed.
    pub fn forget(&self, key: ObjectId) {
        let mut known = self.stripe(key);
        known.last.remove(&key);
        known.unsaved.remove(&key);
    }

    /// Writes what the store does not have.
    ///
    /// # Errors
    ///
    /// Whatever the store reports; then it is tried again later.
    pub fn save(&self) -> Result<(), Error> {
        self.known.iter().try_for_each(|stripe| self.save_stripe(stripe))
    }

    fn save_stripe(&self, stripe: &Mutex<Known>) -> Result<(), Error> {
        loop {
            let mut batch = Batch::new();
            let mut written = Vec::new();
            {
                let known = lock(stripe);
                for id in known.unsaved.iter().take(WRITTEN_AT_ONCE) {
                    let Some(last) = known.last.get(id) else { continue };
                    let body = postcard::to_stdvec(&self.use_of(last));
                    let body = body.map_err(|_| ErrorCode::Internal)?;
                    let record = Record { id: id.0.into(), version: 0, state: 0, body };
                    batch.put(Table::Uses, record, Expected::Any);
                    written.push((*id, last.clone()));
                }
            }
            if batch.is_empty() {
                return Ok(());
            }
            self.store.commit(batch)?;
            let mut known = lock(stripe);
            for (id, last) in written {
                // One that was used again meanwhile is to be written again.
                if known.last.get(&id).is_none_or(|newest| *newest == last) {
                    known.unsaved.remove(&id);
                }
            }
        }
    }

    fn last(&self, key: ObjectId) -> Option<Use> {
        self.stripe(key).last.get(&key).map(|last| self.use_of(last))
    }

    fn use_of(&self, last: &Last) -> Use {
        let event = match &last.event {
            Event::Stored(text) => text.clone(),
            Event::Request { connection, request } => {
                request_id(&self.instance, *connection, *request)
            }
        };
        Use { operation: last.operation, time: last.time, event }
    }

    fn stripe(&self, key: ObjectId) -> MutexGuard<'_, Known> {
        lock(&self.known[usize::from(key.0[15]) % STRIPES])
    }
}

fn lock(stripe: &Mutex<Known>) -> MutexGuard<'_, Known> {
    stripe.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Handle for GetKeyLastUsage {
    type Plan = Arc<Object>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        validate_name(&self.key_id)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        find(service, call.caller(), &call.request().key_id)
    }

    fn commit(
        _call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<KeyLastUsage>, Error> {
        let last = service.uses.last(object.id);
        let row = last.as_ref().and_then(|last| operation::find(last.operation));
        let created = object.key.as_ref().map_or(0, |key| key.create_time);
        Ok(Answer::new(KeyLastUsage {
            key_id: object.id.to_string(),
            operation: row.map(|row| row.event_name().to_owned()),
            time: last.as_ref().map(|last| last.time),
            event: last.map(|last| last.event),
            tracking_start: service.uses.since.max(created),
        }))
    }
}
