//! The time that deadlines are compared with.
//!
//! A clock that is set back revives nothing: the latest time that was seen is kept on disk, and counts. A clock that
//! jumped forward by more than a day against the boot clock makes refuse what has passed, but nothing is destroyed,
//! wiped or rotated until the owner has confirmed the time; if the clock is put right instead, nothing happened.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::clock::Clock;
use crate::store::{Batch, Expected, Record, RecordId, Store, Table};

/// A jump that needs to be confirmed, in seconds.
const JUMP: i64 = 24 * 3600;
/// What a clock may go back without an alarm, in seconds.
const SLACK: i64 = 60;
/// How old the time on disk gets, in seconds.
const SAVE_EVERY: i64 = 60;

/// What was noticed of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Nothing.
    Fine,
    /// It was set back by so many seconds.
    WentBack(i64),
    /// It jumped forward by so many seconds.
    JumpedForward(i64),
}

/// The time for deadlines.
#[derive(Debug)]
pub struct Deadlines {
    clock: Clock,
    store: Arc<Store>,
    /// The latest time that was seen and is believed.
    latest: AtomicI64,
    seen: Mutex<Seen>,
}

#[derive(Debug)]
struct Seen {
    /// How far the wall clock was ahead of the boot clock when it was believed first; steps do not add up unseen.
    base: i64,
    saved: i64,
    jumped: bool,
    back: bool,
    boot_id: String,
}

/// The stored form, in the frozen order of its fields.
#[derive(Serialize, Deserialize)]
struct Stored {
    latest: i64,
    base: i64,
    boot_id: String,
}

fn record_id() -> Result<RecordId, crate::store::Error> {
    RecordId::try_from(&b"clock"[..])
}

impl Deadlines {
    /// Takes up where the store left off.
    ///
    /// # Errors
    ///
    /// What the store reports.
    pub fn load(store: Arc<Store>, clock: Clock) -> Result<Self, Error> {
        let (wall, boot_id) = (clock.now(), clock.boot_id());
        let entry = store.get(Table::Meta, record_id()?)?;
        let stored = entry.and_then(|entry| postcard::from_bytes::<Stored>(&entry.body).ok());
        let base = wall - clock.boot();
        let seen = Seen { base, saved: 0, jumped: false, back: false, boot_id };
        let (latest, seen) = match stored {
            None => (wall, seen),
            // The same run of the system: the boot clock tells how much time has really passed.
            Some(stored) if !seen.boot_id.is_empty() && stored.boot_id == seen.boot_id => {
                (stored.latest, Seen { base: stored.base, saved: stored.latest, ..seen })
            }
            // It was switched off for nobody knows how long; only going back can be told.
            Some(stored) => (stored.latest.max(wall), Seen { saved: stored.latest, ..seen }),
        };
        Ok(Self { clock, store, latest: AtomicI64::new(latest), seen: Mutex::new(seen) })
    }

    /// The time that a use is compared with, in UNIX seconds.
    pub fn now(&self) -> i64 {
        self.clock.now().max(self.latest.load(Ordering::SeqCst))
    }

    /// The time up to which things may be done that cannot be taken back; `None` while a jump is not confirmed.
    pub fn settled(&self) -> Option<i64> {
        let mut seen = self.lock();
        self.look(&mut seen);
        (!seen.jumped).then(|| self.now())
    }

    /// Looks at the clocks, and says once what is wrong with them.
    pub fn observe(&self) -> Notice {
        let mut seen = self.lock();
        let jumped = seen.jumped;
        let forward = self.look(&mut seen);
        if seen.jumped && !jumped {
            return Notice::JumpedForward(forward);
        }
        let behind = self.latest.load(Ordering::SeqCst) - self.clock.now();
        let back = behind > SLACK;
        if back && !seen.back {
            seen.back = true;
            return Notice::WentBack(behind);
        }
        seen.back = back;
        Notice::Fine
    }

    /// Writes the latest time to disk when the one there is a minute old, and says whether it was.
    ///
    /// # Errors
    ///
    /// What the store reports.
    pub fn save(&self) -> Result<bool, Error> {
        let mut seen = self.lock();
        let latest = self.latest.load(Ordering::SeqCst);
        if seen.jumped || (latest - seen.saved).abs() < SAVE_EVERY {
            return Ok(false);
        }
        let stored = Stored { latest, base: seen.base, boot_id: seen.boot_id.clone() };
        let body =
            postcard::to_stdvec(&stored).map_err(|_| coffer_protocol::ErrorCode::Internal)?;
        let mut batch = Batch::new();
        let record = Record { id: record_id()?, version: 0, state: 0, body };
        batch.put(Table::Meta, record, Expected::Any);
        self.store.commit(batch)?;
        seen.saved = latest;
        Ok(true)
    }

    /// Believes the clock as it is.
    pub fn confirm(&self) -> i64 {
        let mut seen = self.lock();
        let wall = self.clock.now();
        seen.base = wall - self.clock.boot();
        (seen.jumped, seen.saved) = (false, 0);
        self.latest.fetch_max(wall, Ordering::SeqCst);
        self.now()
    }

    /// Compares the clocks with what was seen last, and gives how far the wall clock is ahead.
    fn look(&self, seen: &mut Seen) -> i64 {
        let wall = self.clock.now();
        let ahead = wall - self.clock.boot() - seen.base;
        seen.jumped = ahead > JUMP;
        if !seen.jumped {
            self.latest.fetch_max(wall, Ordering::SeqCst);
        }
        ahead
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
