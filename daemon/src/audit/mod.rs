//! The audit log: append-only, preallocated segment files with a hash chain. A change is recorded
//! as an intent before and an outcome after, both on disk; a use is handed to the kernel before the
//! reply and synced soon after. Whoever cannot record an operation refuses it.
//!
//! The bare chain does not show that its end was cut off; keep a [`Position`] elsewhere for that.

mod collapse;
mod config;
mod error;
mod event;
mod flusher;
mod list;
mod record;
mod segment;
mod start;
mod tagger;
mod tail;
mod template;
mod verify;

pub use config::{Clock, Config};
pub use error::Error;
pub use event::{Action, Event, EventType, Host, Resource, UserIdentity};
pub use list::{Attribute, Filter, LARGEST_PAGE, Line, Order, Page};
pub use record::Kind;
pub use start::{OpenIntent, Opened, Torn};
pub use tagger::{Tag, Tagger};
pub use tail::LONGEST_BODY;
pub use template::Template;
pub use verify::{Bad, Flaw, Position, Presence, Report};

use crate::seal::RootKey;
use collapse::Collapse;
use flusher::Wake;
use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tail::Tail;

/// Name of the directory in the state directory.
pub const AUDIT_DIRECTORY: &str = "audit";

/// Who may use the room that is kept when the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Everybody else.
    Normal,
    /// Disable, Seal, Unseal: what makes things safer must always be possible.
    Reserved,
}

/// A recorded intent that waits for its outcome.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an intent without outcome is reported at the next start"]
pub struct IntentId(u64);

/// The open log. Shared by reference.
pub struct Audit {
    shared: Arc<Shared>,
    flusher: Option<JoinHandle<()>>,
    _lock: DirectoryLock,
}

struct Shared {
    dir: PathBuf,
    clock: Clock,
    retention: Duration,
    flush_interval: Duration,
    flush_bytes: u64,
    tail: Mutex<Tail>,
    collapse: Mutex<Collapse>,
    synced: Mutex<Synced>,
    sync_ended: Condvar,
    wake: Mutex<Wake>,
    woken: Condvar,
}

/// How far the log is on disk.
#[derive(Default)]
struct Synced {
    /// All records with smaller numbers are.
    before: u64,
    /// Somebody is syncing.
    running: bool,
}

impl Audit {
    /// Opens the log in a directory, which it makes if needed. Needs no key, so that a sealed daemon
    /// can record. What a crash left behind is in the second result, and recorded as notices.
    pub fn open(dir: &Path, config: Config) -> Result<(Self, Opened), Error> {
        config.check()?;
        let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|e| Error::io("make", dir, &e))?;
        let lock = DirectoryLock::take(dir)?;
        let (clock, collapse) = (Arc::clone(&config.clock), Collapse::new(config.refusals));
        let (retention, flush_interval) = (config.retention, config.flush_interval);
        let flush_bytes = config.flush_bytes;
        let (tail, opened) = start::open(dir, config)?;
        let shared = Arc::new(Shared {
            dir: dir.to_owned(),
            clock,
            retention,
            flush_interval,
            flush_bytes,
            tail: Mutex::new(tail),
            collapse: Mutex::new(collapse),
            synced: Mutex::default(),
            sync_ended: Condvar::new(),
            wake: Mutex::default(),
            woken: Condvar::new(),
        });
        shared.note_findings(&opened)?;
        let flushing = Arc::clone(&shared);
        let flusher = std::thread::Builder::new()
            .name("audit-flusher".to_owned())
            .spawn(move || flusher::run(&flushing))
            .map_err(|e| Error::io("start the flusher of", dir, &e))?;
        Ok((Self { shared, flusher: Some(flusher), _lock: lock }, opened))
    }

    /// Records a use: the kernel has it when this returns, the disk soon after. Refusals of one
    /// caller above the configured rate are counted instead.
    pub fn append(&self, event: Event, priority: Priority) -> Result<(), Error> {
        let now = (self.shared.clock)();
        let admitted = lock(&self.shared.collapse).admit(event, now);
        match admitted {
            Some(event) => self.shared.record(Kind::Use, priority, event).map(|_| ()),
            None => Ok(()),
        }
    }

    /// Records a use like [`Audit::append`], of which the template has all but the request and the length of its
    /// payload.
    pub fn append_like(
        &self,
        template: &Template,
        request: &str,
        payload: usize,
        priority: Priority,
    ) -> Result<(), Error> {
        let time = (self.shared.clock)();
        let body = template.fill(time, request, payload);
        self.shared.write(Kind::Use, priority, time, &body, None).map(|_| ())
    }

    /// Records an event that is on disk when this returns; waiting callers share one fsync.
    pub fn append_durable(&self, event: Event, priority: Priority) -> Result<(), Error> {
        self.shared.record_durably(Kind::Use, priority, event).map(|_| ())
    }

    /// Records something the daemon does by itself, on disk when this returns.
    pub fn notice(&self, event: Event, priority: Priority) -> Result<(), Error> {
        self.shared.record_durably(Kind::Notice, priority, event).map(|_| ())
    }

    /// Records that a change is about to be made, on disk when this returns.
    pub fn intent(&self, event: Event, priority: Priority) -> Result<IntentId, Error> {
        self.shared.record_durably(Kind::Intent, priority, event).map(IntentId)
    }

    /// Records how a change went, on disk when this returns. Room for it is always kept.
    #[expect(clippy::needless_pass_by_value, reason = "an intent has one outcome")]
    pub fn outcome(&self, intent: IntentId, mut event: Event) -> Result<(), Error> {
        event.intent = Some(intent.0);
        self.shared.record_durably(Kind::Outcome, Priority::Reserved, event)?;
        Ok(())
    }

    /// Makes tags for secret values in events of this log.
    pub fn tagger(&self, root: &RootKey) -> Result<Tagger, Error> {
        let log = lock(&self.shared.tail).header.log;
        Ok(Tagger::new(root, &log)?)
    }

    /// The last record.
    pub fn position(&self) -> Position {
        let tail = lock(&self.shared.tail);
        Position { seq: tail.seq - 1, hash: tail.last }
    }

    /// Whether the log still holds the record of a position that was kept elsewhere.
    pub fn presence(&self, position: Position) -> Result<Presence, Error> {
        verify::presence(&self.shared.dir, position)
    }

    /// Lists records.
    pub fn list(&self, filter: &Filter) -> Result<Page, Error> {
        list::list(&self.shared.dir, filter, Some(self.shared.end()))
    }

    /// Checks the whole chain.
    pub fn verify(&self) -> Result<Report, Error> {
        verify::verify(&self.shared.dir, Some(self.shared.end()))
    }

    /// Syncs what waits.
    pub fn flush(&self) -> Result<(), Error> {
        let seq = lock(&self.shared.tail).seq;
        self.shared.sync_before(seq)
    }
}

impl Drop for Audit {
    fn drop(&mut self) {
        lock(&self.shared.wake).stop = true;
        self.shared.woken.notify_one();
        if let Some(flusher) = self.flusher.take() {
            // A flusher that panicked left unsynced records at worst; they are with the kernel.
            let _ = flusher.join();
        }
    }
}

/// Lists records of a log that no daemon has open.
pub fn list(dir: &Path, filter: &Filter) -> Result<Page, Error> {
    list::list(dir, filter, None)
}

/// Checks the chain of a log that no daemon has open.
pub fn verify(dir: &Path) -> Result<Report, Error> {
    verify::verify(dir, None)
}

impl Shared {
    fn record(&self, kind: Kind, priority: Priority, event: Event) -> Result<u64, Error> {
        let (intent, time) = (event.intent, (self.clock)());
        self.write(kind, priority, time, &event.json(time), intent)
    }

    /// Adds a record whose text is made: only its place in the chain is found under the lock.
    fn write(
        &self,
        kind: Kind,
        priority: Priority,
        time: u64,
        body: &[u8],
        intent: Option<u64>,
    ) -> Result<u64, Error> {
        let (seq, unsynced) = {
            let mut tail = lock(&self.tail);
            let seq = tail.append(kind, priority, time, body)?;
            match (kind, intent) {
                (Kind::Intent, _) => drop(tail.open.insert(seq)),
                (_, Some(intent)) => drop(tail.open.remove(&intent)),
                _ => {}
            }
            (seq, tail.unsynced)
        };
        if unsynced >= self.flush_bytes {
            lock(&self.wake).now = true;
            self.woken.notify_one();
        }
        Ok(seq)
    }

    fn record_durably(&self, kind: Kind, priority: Priority, event: Event) -> Result<u64, Error> {
        let seq = self.record(kind, priority, event)?;
        self.sync_before(seq + 1)?;
        Ok(seq)
    }

    /// Returns when all records with numbers below `seq` are on disk. One caller syncs for all that
    /// came before it looked.
    fn sync_before(&self, seq: u64) -> Result<(), Error> {
        let mut synced = lock(&self.synced);
        loop {
            if synced.before >= seq {
                return Ok(());
            }
            if synced.running {
                synced = self.sync_ended.wait(synced).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            synced.running = true;
            drop(synced);
            let outcome = self.sync();
            synced = lock(&self.synced);
            synced.running = false;
            self.sync_ended.notify_all();
            synced.before = synced.before.max(outcome?);
        }
    }

    /// Syncs, and says before which number all is on disk.
    fn sync(&self) -> Result<u64, Error> {
        let (file, seq) = {
            let mut tail = lock(&self.tail);
            if let Some(reason) = &tail.failed {
                return Err(Error::Failed(reason.clone()));
            }
            tail.unsynced = 0;
            (Arc::clone(&tail.file), tail.seq)
        };
        // Segments before this one were synced when they were closed.
        file.sync_data().map_err(|e| lock(&self.tail).fail("sync", &e))?;
        Ok(seq)
    }

    fn note_findings(&self, opened: &Opened) -> Result<(), Error> {
        let note = |event| self.record(Kind::Notice, Priority::Reserved, event);
        if let Some(torn) = &opened.torn {
            let kept = torn.kept.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let event = Event::new("CutTornAuditRecord", Action::Write);
            note(event.parameter("bytes", torn.bytes).parameter("kept", kept))?;
        }
        if let Some(segment) = opened.damaged {
            let event = Event::new("FoundDamagedAuditSegment", Action::Write).sensitive();
            note(event.parameter("segment", segment))?;
        }
        for intent in &opened.open_intents {
            let mut event = Event::new("FoundIntentWithoutOutcome", Action::Write).sensitive();
            event.intent = Some(intent.seq);
            note(event)?;
        }
        let seq = lock(&self.tail).seq;
        self.sync_before(seq)
    }

    /// The open segment and its end.
    fn end(&self) -> (u64, u64) {
        let tail = lock(&self.tail);
        (tail.header.number, tail.position)
    }
}

/// The directory, locked while the log is open.
struct DirectoryLock(File);

impl DirectoryLock {
    fn take(dir: &Path) -> Result<Self, Error> {
        let directory = File::open(dir).map_err(|e| Error::io("open", dir, &e))?;
        match directory.try_lock() {
            Ok(()) => Ok(Self(directory)),
            Err(TryLockError::WouldBlock) => Err(Error::InUse(dir.to_owned())),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", dir, &e)),
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing alone would leave the lock with a child that was forked and has not called execve(2) yet:
        // it shares the open file. An error leaves what closing does.
        let _ = self.0.unlock();
    }
}

/// What these mutexes guard is whole after every statement, also if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
