//! The one thread that writes: it drains the queue and puts all waiting batches into one database
//! transaction (group commit), because a durable commit costs milliseconds however much it holds.

use super::batch::Batch;
use super::database::{self, System};
use super::epoch;
use super::fill::Fill;
use super::head::Head;
use super::migration::SCHEMA;
use super::reserve::Reserve;
use super::transaction::Transaction;
use super::{Error, Shared, lock, read, write};
use crate::vault;
use redb::ReadableDatabase;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};

/// Most batches in one transaction.
const LARGEST_GROUP: usize = 256;

/// Batches that wait for the writer.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Pending>,
    closed: bool,
}

/// What the writer does.
pub(super) enum Work {
    /// One of the batches of a group.
    Batch(Batch),
    /// A transaction of its own.
    Fill(Fill),
}

struct Pending {
    work: Work,
    answer: SyncSender<Result<u64, Error>>,
}

impl Shared {
    pub(super) fn submit(
        &self,
        work: Work,
        answer: SyncSender<Result<u64, Error>>,
    ) -> Result<(), Error> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(Error::Closed);
        }
        queue.waiting.push_back(Pending { work, answer });
        self.wake.notify_one();
        Ok(())
    }

    pub(super) fn close_queue(&self) {
        lock(&self.queue).closed = true;
        self.wake.notify_one();
    }

    /// The next batches, or one filling; none when the queue is closed and empty.
    fn next_group(&self) -> Option<Vec<Pending>> {
        let mut queue = lock(&self.queue);
        while queue.waiting.is_empty() {
            if queue.closed {
                return None;
            }
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let is_batch = |pending: &&Pending| matches!(pending.work, Work::Batch(_));
        let count = queue.waiting.iter().take(LARGEST_GROUP).take_while(is_batch).count();
        Some(queue.waiting.drain(..count.max(1)).collect())
    }
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    head: Head,
    reserve: Reserve,
    /// Set for good after a failure whose outcome is unknown.
    failed: Option<Error>,
    /// An old epoch file could not be removed yet.
    leftover: bool,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, head: Head) -> Self {
        let reserve = Reserve::new(&shared.dir);
        Self { shared, head, reserve, failed: None, leftover: false }
    }

    pub(super) fn run(mut self) {
        if let Err(error) = vault::block_signals() {
            tracing::error!(%error, "the store's writer cannot start");
            return; // nobody waits in vain, see `Drop`
        }
        while let Some(group) = self.shared.next_group() {
            let mut batches = Vec::with_capacity(group.len());
            let mut callers = Vec::with_capacity(group.len());
            for Pending { work, answer } in group {
                match work {
                    Work::Batch(batch) => {
                        batches.push(batch);
                        callers.push(answer);
                    }
                    // A caller that went away does not need the answer.
                    Work::Fill(fill) => drop(answer.send(self.fill(fill))),
                }
            }
            let answers = self.commit(&batches);
            for (caller, answer) in callers.into_iter().zip(answers) {
                let _ = caller.send(answer);
            }
        }
    }

    /// Commits a group. While no room is held in reserve, only batches that may use it are taken;
    /// when the room ran out, they are tried once more with what was held.
    fn commit(&mut self, group: &[Batch]) -> Vec<Result<u64, Error>> {
        if group.is_empty() {
            return Vec::new();
        }
        let batches: Vec<_> = group.iter().collect();
        let reserved: Vec<_> = batches.iter().copied().filter(|batch| batch.reserved).collect();
        let held = self.hold_reserve();
        let mut answers = match &held {
            Ok(()) => self.attempt(&batches),
            Err(error) => vec![Err(error.clone()); group.len()],
        };
        let full = answers.first().is_some_and(|first| *first == Err(Error::Full));
        if reserved.is_empty() || !(full || held.is_err()) || self.failed.is_some() {
            return answers;
        }
        if let Err(error) = self.reserve.release() {
            tracing::warn!(%error, "the store's reserve cannot be used");
        }
        let mut retried = self.attempt(&reserved).into_iter();
        for (answer, batch) in answers.iter_mut().zip(&batches) {
            if batch.reserved {
                *answer = retried.next().unwrap_or(Err(Error::Full));
            }
        }
        answers
    }

    fn hold_reserve(&mut self) -> Result<(), Error> {
        let store = std::fs::metadata(self.shared.dir.join(super::STORE_FILE));
        self.reserve.hold(store.map_or(0, |metadata| metadata.len()))
    }

    /// One transaction for all; a failure of the database is everybody's.
    fn attempt(&mut self, batches: &[&Batch]) -> Vec<Result<u64, Error>> {
        if let Some(failed) = &self.failed {
            return vec![Err(failed.clone()); batches.len()];
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| self.transact(batches)))
            .unwrap_or_else(|_| Err(Error::Failed("the database is inconsistent".to_owned())));
        outcome.unwrap_or_else(|error| {
            let error = if error.is_storage() { self.after(error) } else { error };
            vec![Err(error); batches.len()]
        })
    }

    /// One transaction for what fills the store.
    fn fill(&mut self, fill: Fill) -> Result<u64, Error> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        self.hold_reserve()?;
        let outcome = catch_unwind(AssertUnwindSafe(|| self.transact_fill(fill)))
            .unwrap_or_else(|_| Err(Error::Failed("the database is inconsistent".to_owned())));
        outcome.map_err(|error| if error.is_storage() { self.after(error) } else { error })
    }

    fn transact_fill(&mut self, fill: Fill) -> Result<u64, Error> {
        let shared = Arc::clone(&self.shared);
        let database = read(&shared.database);
        let transaction = database::begin(database.as_ref().ok_or(Error::Closed)?)?;
        let epochs = Arc::clone(&read(&shared.epochs));
        let mut changes = Transaction::new(&transaction, &shared.keys, &epochs, self.head.clone())?;
        let generation = changes.fill(fill)?;
        let head = changes.into_head();
        let sealed = head.seal(&shared.keys, SCHEMA)?;
        System { schema: SCHEMA, store: shared.keys.store, head: sealed }.write(&transaction)?;
        transaction.commit()?;
        self.committed(head, &[Ok(generation)]);
        Ok(generation)
    }

    fn transact(&mut self, batches: &[&Batch]) -> Result<Vec<Result<u64, Error>>, Error> {
        let shared = Arc::clone(&self.shared);
        let database = read(&shared.database);
        let transaction = database::begin(database.as_ref().ok_or(Error::Closed)?)?;
        let epochs = Arc::clone(&read(&shared.epochs));
        let mut changes = Transaction::new(&transaction, &shared.keys, &epochs, self.head.clone())?;
        let mut answers = Vec::with_capacity(batches.len());
        for batch in batches {
            answers.push(changes.apply(batch)?);
        }
        if answers.iter().all(Result::is_err) {
            drop(changes);
            transaction.abort()?;
            return Ok(answers);
        }
        let renewed = changes.renew_epochs()?;
        let head = changes.into_head();
        drop(epochs);
        let sealed = head.seal(&shared.keys, SCHEMA)?;
        System { schema: SCHEMA, store: shared.keys.store, head: sealed }.write(&transaction)?;
        if let Some(renewed) = renewed {
            if let Err(error) = renewed.write(&shared.dir, &shared.keys) {
                transaction.abort()?; // the database did not see the failure
                return Ok(vec![Err(error); batches.len()]);
            }
            // Readers take the old keys with the old records, or the new with the new.
            let mut epochs = write(&shared.epochs);
            transaction.commit()?;
            *epochs = Arc::new(renewed);
            self.leftover = true;
        } else {
            transaction.commit()?;
        }
        self.committed(head, &answers);
        Ok(answers)
    }

    fn committed(&mut self, head: Head, answers: &[Result<u64, Error>]) {
        let shared = &self.shared;
        shared.generation.store(head.generation, Relaxed);
        shared.transactions.fetch_add(1, Relaxed);
        shared.batches.fetch_add(answers.iter().filter(|a| a.is_ok()).count() as u64, Relaxed);
        self.head = head;
        self.remove_old_epochs();
    }

    /// A destroyed key is gone for good when the old epoch file is; a failure is tried again.
    fn remove_old_epochs(&mut self) {
        if !self.leftover {
            return;
        }
        match epoch::remove_others(&self.shared.dir, self.head.epoch) {
            Ok(()) => self.leftover = false,
            Err(error) => tracing::warn!(%error, "an old epoch file remains for now"),
        }
    }

    /// After a full disk the database is opened anew in its last committed state; after any other
    /// failure, also of fsync, nobody knows what the disk holds, and writing ends.
    fn after(&mut self, error: Error) -> Error {
        let recovered = if error == Error::Full { self.reopen() } else { Err(error.clone()) };
        match recovered {
            Ok(()) => error,
            Err(cause) => {
                tracing::error!(%cause, "the store takes no more writes");
                let failed = Error::Failed(cause.to_string());
                self.failed = Some(failed.clone());
                failed
            }
        }
    }

    fn reopen(&self) -> Result<(), Error> {
        let mut database = write(&self.shared.database);
        drop(database.take());
        let fresh = (self.shared.reopen)()?;
        let system = System::read(&fresh.begin_read()?)?;
        let head = Head::open(&self.shared.keys, system.schema, system.head)?;
        if head != self.head {
            return Err(Error::Failed("a commit that failed left its mark".to_owned()));
        }
        *database = Some(fresh);
        let removed = epoch::remove_others(&self.shared.dir, head.epoch);
        removed.map_err(|e| Error::io("remove an epoch file", &e))
    }
}

impl Drop for Writer {
    /// However the thread ends, nobody waits for it in vain.
    fn drop(&mut self) {
        let mut queue = lock(&self.shared.queue);
        queue.closed = true;
        queue.waiting.clear();
    }
}
