//! Alarms: recorded on disk before whoever caused one is answered, then told to the sinks.
//!
//! The newest are kept, in the store and in memory. Each has a number; they grow without a gap.

mod sink;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coffer_protocol::ErrorCode;
use coffer_protocol::alarm::AlarmKind;
use serde::{Deserialize, Serialize};

pub use sink::Sink;

use crate::Error;
use crate::object::{ObjectId, Slot};
use crate::store::{Batch, Expected, Record, RecordId, Store, Table};

/// Most alarms that are kept.
const KEPT: usize = 10_000;

/// What there is to say of an alarm. Times are UNIX seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its number.
    pub number: u64,
    /// What it is about.
    pub kind: AlarmKind,
    /// When it was raised.
    pub time: i64,
    /// What more there is to say.
    pub about: About,
}

/// What an alarm is about, as far as it applies. The stored form, in the frozen order of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The partition.
    pub slot: Option<u32>,
    /// The key.
    pub key: Option<[u8; 16]>,
    /// What was attempted.
    pub operation: Option<String>,
    /// When the key will be destroyed.
    pub deletion_date: Option<i64>,
    /// Who attempted it.
    pub uid: Option<u32>,
    /// The process.
    pub pid: Option<i32>,
    /// More, for people.
    pub detail: Option<String>,
}

impl About {
    /// An alarm about a key.
    pub fn key(slot: Slot, key: ObjectId) -> Self {
        Self { slot: Some(slot.0), key: Some(key.0), ..Self::default() }
    }

    /// The same with more to say.
    #[must_use]
    pub fn detail(self, text: impl Into<String>) -> Self {
        Self { detail: Some(text.into()), ..self }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    kind: u8,
    time: i64,
    about: About,
}

/// All alarms that are kept.
#[derive(Debug)]
pub struct Alarms {
    store: Arc<Store>,
    kept: Mutex<VecDeque<Arc<Alarm>>>,
    sink: Sink,
    lost: AtomicU64,
}

/// Names a record by the alarm's number, so that the store lists them in order.
fn record_id(number: u64) -> RecordId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    id.into()
}

impl Alarms {
    /// Reads the alarms of the store.
    ///
    /// # Errors
    ///
    /// Whatever the store reports, and [`ErrorCode::StoreFailed`] for a record of an unknown format.
    pub fn load(store: Arc<Store>, sink: Sink) -> Result<Self, Error> {
        let mut kept = VecDeque::new();
        let mut unknown = false;
        store.load(Table::Alarms, |entry| {
            let number = entry.id.as_bytes().get(8..).and_then(|id| id.try_into().ok());
            let stored = postcard::from_bytes::<Stored>(&entry.body).ok();
            match (number.map(u64::from_be_bytes), stored) {
                (Some(number), Some(Stored { kind, time, about })) => {
                    match AlarmKind::from_number(kind) {
                        Some(kind) => {
                            kept.push_back(Arc::new(Alarm { number, kind, time, about }));
                        }
                        None => unknown = true,
                    }
                }
                _ => unknown = true,
            }
        })?;
        if unknown {
            let what = "an alarm has a format of a newer version";
            return Err(Error::about(ErrorCode::StoreFailed, what));
        }
        Ok(Self { store, kept: Mutex::new(kept), sink, lost: AtomicU64::new(0) })
    }

    /// Raises one alarm. It is on disk when this returns.
    ///
    /// # Errors
    ///
    /// What the store reports.
    pub fn raise(
        &self,
        kind: AlarmKind,
        time: i64,
        about: About,
    ) -> Result<Vec<Arc<Alarm>>, Error> {
        self.raise_with(vec![(kind, about)], time, |records| {
            let mut batch = Batch::new();
            batch.reserved();
            for (table, record, expected) in records.put {
                batch.put(table, record, expected);
            }
            for (table, id) in records.removed {
                batch.delete(table, id, Expected::Any);
            }
            self.store.commit(batch)?;
            Ok(())
        })
    }

    /// Raises alarms together with what they tell of: `commit` writes their records along with its own.
    ///
    /// # Errors
    ///
    /// What `commit` returns; then no alarm was raised.
    pub fn raise_with(
        &self,
        alarms: Vec<(AlarmKind, About)>,
        time: i64,
        commit: impl FnOnce(Records) -> Result<(), Error>,
    ) -> Result<Vec<Arc<Alarm>>, Error> {
        let mut kept = self.lock();
        let last = kept.back().map_or(0, |alarm| alarm.number);
        let raised: Vec<Arc<Alarm>> = alarms
            .into_iter()
            .zip(last + 1..)
            .map(|((kind, about), number)| Arc::new(Alarm { number, kind, time, about }))
            .collect();
        let mut records = Records::default();
        for alarm in &raised {
            let stored = Stored { kind: alarm.kind as u8, time, about: alarm.about.clone() };
            let body = postcard::to_stdvec(&stored).map_err(|_| ErrorCode::Internal)?;
            let record = Record { id: record_id(alarm.number), version: 0, state: 0, body };
            records.put.push((Table::Alarms, record, Expected::New));
        }
        let surplus = (kept.len() + raised.len()).saturating_sub(KEPT).min(kept.len());
        let old = kept.iter().take(surplus);
        records.removed.extend(old.map(|alarm| (Table::Alarms, record_id(alarm.number))));
        commit(records)?;
        kept.drain(..surplus);
        kept.extend(raised.iter().cloned());
        drop(kept);
        for alarm in &raised {
            self.sink.tell(alarm);
        }
        Ok(raised)
    }

    /// How many were raised since the store was made: the number of the last one.
    pub fn raised(&self) -> u64 {
        self.lock().back().map_or(0, |alarm| alarm.number)
    }

    /// How many could not be recorded since the start.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Counts one that could not be recorded.
    pub fn note_lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// The alarms that are kept, oldest first.
    pub fn all(&self) -> Vec<Arc<Alarm>> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Alarm>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a commit must write for alarms.
#[derive(Default)]
pub struct Records {
    /// Records to write.
    pub put: Vec<(Table, Record, Expected)>,
    /// Records that make room.
    pub removed: Vec<(Table, RecordId)>,
}
