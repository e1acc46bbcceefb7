//! Failed tries: counted on disk before the answer, for each uid, token and role by itself.
//!
//! A try during a delay is not refused but made to wait, on the connection that it came by: an application that
//! mistyped once gets its answer a little late instead of an error that it cannot interpret. Waiting does not
//! make guessing faster, because tries of one subject come one after the other however many connections it has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::token::PinState;
use serde::{Deserialize, Serialize};

use super::{FORMAT, Role, Subject, failures_id};
use crate::Error;
use crate::clock::Clock;
use crate::object::Slot;
use crate::state::pin;
use crate::store::{Batch, Expected, Record, Store, Table};

/// A second of the delay table; tests of other things do not wait for it.
const SECOND: Duration =
    if cfg!(test) { Duration::from_micros(10) } else { Duration::from_secs(1) };

/// The stored form, in the frozen order of its fields.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    failures: u32,
    /// UNIX seconds of the last one.
    last: i64,
}

/// All failures since the last right PIN.
pub(super) struct Failures {
    store: Arc<Store>,
    entries: Mutex<HashMap<Subject, Arc<Entry>>>,
    stopped: AtomicBool,
    second: Duration,
}

#[derive(Debug, Default)]
struct Entry {
    tries: Mutex<Tries>,
    changed: Condvar,
    /// Held from a change in memory to the same change on disk, so that both happen in one order.
    order: Mutex<()>,
}

#[derive(Debug, Default)]
struct Tries {
    count: Count,
    /// Whether one is being made.
    busy: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    failures: u32,
    last: i64,
    /// When the next try is heard, by the monotonic clock.
    ready: Option<Instant>,
}

impl Failures {
    /// All failures, from their stored forms. A delay that was running goes on; the wall clock may have been set
    /// back meanwhile, then it begins anew.
    pub(super) fn new(store: Arc<Store>, stored: Vec<(Subject, Stored)>, now: i64) -> Self {
        let entries = stored.into_iter().map(|(subject, Stored { failures, last })| {
            let ready = remaining(failures, last, now).map(|left| Instant::now() + SECOND * left);
            let tries = Tries { count: Count { failures, last, ready }, busy: false };
            (subject, Arc::new(Entry { tries: Mutex::new(tries), ..Entry::default() }))
        });
        let entries = Mutex::new(entries.collect());
        Self { store, entries, stopped: AtomicBool::new(false), second: SECOND }
    }

    /// Forgets all of them: their records are gone.
    pub(super) fn forget(&self) {
        lock(&self.entries).clear();
    }

    /// What they have come to.
    pub(super) fn state(&self, subject: Subject) -> PinState {
        let entry = lock(&self.entries).get(&subject).cloned();
        pin::state(entry.map_or(0, |entry| lock(&entry.tries).count.failures))
    }

    /// Waits for the subject's turn and for the end of its delay, then counts a failure.
    pub(super) fn begin(&self, subject: Subject, clock: &Clock) -> Result<Attempt<'_>, Error> {
        let entry = lock(&self.entries).entry(subject).or_default().clone();
        let mut tries = lock(&entry.tries);
        let before = loop {
            if self.stopped.load(Ordering::Acquire) {
                return Err(ErrorCode::Unavailable.into());
            }
            if tries.count.failures >= pin::LOCKED_AT {
                return Err(ErrorCode::PinLocked.into());
            }
            let left =
                tries.count.ready.map(|ready| ready.saturating_duration_since(Instant::now()));
            tries = match left.filter(|left| !left.is_zero()) {
                _ if tries.busy => wait(&entry.changed, tries),
                Some(left) => wait_for(&entry.changed, tries, left),
                None => break tries.count,
            };
        };
        tries.busy = true;
        drop(tries);
        let attempt = Attempt { failures: self, subject, entry, before };
        let failures = before.failures + 1;
        let ready = pin::delay(failures).and_then(|delay| self.after(delay));
        self.write(subject, &attempt.entry, Count { failures, last: clock.now(), ready })?;
        Ok(attempt)
    }

    /// Forgives everybody's failures with a PIN.
    pub(super) fn clear(&self, slot: Slot, role: Role) -> Result<(), Error> {
        let entries: Vec<_> = lock(&self.entries)
            .iter()
            .filter(|(subject, _)| (subject.slot, subject.role) == (slot, role))
            .map(|(subject, entry)| (*subject, entry.clone()))
            .collect();
        for (subject, entry) in entries {
            self.write(subject, &entry, Count::default())?;
        }
        Ok(())
    }

    /// Ends all waiting.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        for entry in lock(&self.entries).values() {
            // Nobody is between its look at `stopped` and its wait while this is held.
            let _tries = lock(&entry.tries);
            entry.changed.notify_all();
        }
    }

    /// A count that goes up stays up in memory even where the store fails; one that goes away does so on disk first.
    fn write(&self, subject: Subject, entry: &Entry, count: Count) -> Result<(), Error> {
        let _in_order = lock(&entry.order);
        if count.failures > 0 {
            lock(&entry.tries).count = count;
        } else if lock(&entry.tries).count.failures == 0 {
            return Ok(());
        }
        let id = failures_id(subject)?;
        let mut batch = Batch::new();
        if count.failures > 0 {
            let stored = Stored { failures: count.failures, last: count.last };
            let body = postcard::to_stdvec(&stored).map_err(|_| ErrorCode::Internal)?;
            let record = Record { id, version: FORMAT, state: 0, body };
            batch.put(Table::Pins, record, Expected::Any);
        } else {
            batch.delete(Table::Pins, id, Expected::Any);
        }
        self.store.commit(batch)?;
        lock(&entry.tries).count = count;
        entry.changed.notify_all();
        Ok(())
    }

    fn after(&self, seconds: u64) -> Option<Instant> {
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Instant::now().checked_add(self.second.saturating_mul(seconds))
    }

    #[cfg(test)]
    pub(super) fn stretch_seconds(&mut self, second: Duration) {
        self.second = second;
    }
}

/// A try under way, counted as failed already. Dropping it lets the subject's next one begin.
pub(super) struct Attempt<'a> {
    failures: &'a Failures,
    subject: Subject,
    entry: Arc<Entry>,
    before: Count,
}

impl Attempt<'_> {
    /// It was right: all failures are forgiven.
    pub(super) fn forgive(self) -> Result<(), Error> {
        self.failures.write(self.subject, &self.entry, Count::default())
    }

    /// It was neither right nor wrong: the count is what it was.
    pub(super) fn withdraw(self) -> Result<(), Error> {
        self.failures.write(self.subject, &self.entry, self.before)
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        lock(&self.entry.tries).busy = false;
        self.entry.changed.notify_all();
    }
}

/// Seconds left of a delay after a restart.
fn remaining(failures: u32, last: i64, now: i64) -> Option<u32> {
    let delay = pin::delay(failures)?;
    let passed = u64::try_from(now.saturating_sub(last)).unwrap_or(0);
    u32::try_from(delay.saturating_sub(passed)).ok().filter(|left| *left > 0)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a>(changed: &Condvar, tries: MutexGuard<'a, Tries>) -> MutexGuard<'a, Tries> {
    changed.wait(tries).unwrap_or_else(PoisonError::into_inner)
}

fn wait_for<'a>(
    changed: &Condvar,
    tries: MutexGuard<'a, Tries>,
    left: Duration,
) -> MutexGuard<'a, Tries> {
    changed.wait_timeout(tries, left).unwrap_or_else(PoisonError::into_inner).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_goes_on_after_a_restart_and_begins_anew_when_the_clock_went_back() {
        assert_eq!(remaining(5, 1000, 1000), Some(8));
        assert_eq!(remaining(5, 1000, 1003), Some(5));
        assert_eq!(remaining(5, 1000, 1008), None);
        assert_eq!(remaining(5, 1000, 9), Some(8));
        assert_eq!(remaining(0, 1000, 1000), None);
        assert_eq!(remaining(pin::LOCKED_AT, 1000, 1000), None);
    }
}
