//! The secret stacks and who has borrowed them.
//!
//! A thread claims a stack with one atomic swap, beginning with the one it had last, so that threads
//! that keep to theirs share no cache line. When all are taken it queues: first come, first served.
use super::cache::Cache;
use super::region::Segment;
use super::{registers, sys};
use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Thread;

/// Bytes at the top of a stack that hold the result until it is taken out.
pub(super) const RESULT_ROOM: usize = 1024;

const MARK: u8 = 0xA5;

/// A stack, the cache of the thread that stands on it, and whether one does.
#[repr(align(128))]
pub(super) struct Station {
    busy: AtomicBool,
    stack: Segment,
    pub(super) cache: Cache,
}

// SAFETY: stack and cache are touched only by the thread that set `busy`; clearing it (release) and
// setting it (acquire) order one owner's accesses before the next one's.
unsafe impl Sync for Station {}

impl Station {
    /// The lowest address of the stack.
    pub(super) fn base(&self) -> *mut u8 {
        self.stack.base().as_ptr()
    }

    /// Bytes of the stack proper.
    pub(super) fn depth(&self) -> usize {
        self.stack.len() - RESULT_ROOM
    }

    /// Where the result goes: in secret memory, as its padding may carry anything.
    pub(super) fn result(&self) -> NonNull<u8> {
        // Within the segment, so never null.
        self.stack.base().map_addr(|base| base.saturating_add(self.depth()))
    }

    /// Fills the stack with a mark, to see later how deep it was used.
    pub(super) fn mark(&self) {
        // SAFETY: the segment is mapped and at least this long; the borrower does not stand on it.
        unsafe { self.base().write_bytes(MARK, self.depth()) };
    }

    /// Bytes from the deepest that is no longer marked up to the top.
    pub(super) fn unmarked(&self) -> usize {
        // SAFETY: as above, and every byte has been written.
        let stack = unsafe { std::slice::from_raw_parts(self.base(), self.depth()) };
        self.depth() - stack.iter().take_while(|byte| **byte == MARK).count()
    }

    fn claim(&self) -> bool {
        !self.busy.load(SeqCst) && !self.busy.swap(true, Acquire)
    }
}

/// Stacks of one size.
pub(super) struct Pool {
    stations: Box<[Station]>,
    /// Length of `queue`, read without the lock.
    waiting: AtomicUsize,
    queue: Mutex<VecDeque<Arc<Waiter>>>,
}

struct Waiter {
    thread: Thread,
    /// The station handed over, or [`NO_STATION`].
    station: AtomicUsize,
}

const NO_STATION: usize = usize::MAX;
static NEXT_HINT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The station this thread tries first.
    static HINT: Cell<usize> = const { Cell::new(usize::MAX) };
}

impl Pool {
    pub(super) fn new(stacks: &[Segment]) -> Pool {
        let station = |stack: &Segment| Station {
            busy: AtomicBool::new(false),
            stack: *stack,
            cache: Cache::new(),
        };
        Pool {
            stations: stacks.iter().map(station).collect(),
            waiting: AtomicUsize::new(0),
            queue: Mutex::new(VecDeque::new()),
        }
    }

    /// Borrows a stack; waits while all are taken. Not to be called from inside `run`.
    #[inline]
    pub(super) fn borrow(&self) -> Borrowed<'_> {
        // Who comes while others wait does not overtake them.
        let free = if self.waiting.load(Relaxed) == 0 { self.claim_any() } else { None };
        let index = free.unwrap_or_else(|| self.wait());
        Borrowed { pool: self, index }
    }

    #[inline]
    fn claim_any(&self) -> Option<usize> {
        let count = self.stations.len();
        let mut hint = HINT.get();
        if hint == usize::MAX {
            hint = NEXT_HINT.fetch_add(1, Relaxed);
            HINT.set(hint);
        }
        let found = (0..count)
            .map(|step| hint.wrapping_add(step) % count)
            .find(|index| self.stations[*index].claim())?;
        HINT.set(found);
        Some(found)
    }

    #[cold]
    #[inline(never)]
    fn wait(&self) -> usize {
        let thread = std::thread::current();
        let waiter = Arc::new(Waiter { thread, station: AtomicUsize::new(NO_STATION) });
        {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.push_back(Arc::clone(&waiter));
            // Counted before looking: a station freed meanwhile is either seen here, or its
            // releaser sees the count.
            self.waiting.fetch_add(1, SeqCst);
            self.serve(&mut queue);
        }
        loop {
            match waiter.station.load(Acquire) {
                NO_STATION => std::thread::park(),
                index => return index,
            }
        }
    }

    /// Hands free stations to those who wait.
    fn serve(&self, queue: &mut VecDeque<Arc<Waiter>>) {
        while !queue.is_empty() {
            let Some(index) = self.stations.iter().position(Station::claim) else { return };
            if let Some(first) = queue.pop_front() {
                self.waiting.fetch_sub(1, SeqCst);
                first.station.store(index, Release);
                first.thread.unpark();
            }
        }
    }

    #[inline]
    fn release(&self, index: usize) {
        self.stations[index].busy.store(false, SeqCst);
        if self.waiting.load(SeqCst) != 0 {
            self.serve(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Gives what the caches of idle stacks keep back to the arena.
    fn flush_idle(&self) {
        for (index, station) in self.stations.iter().enumerate() {
            if station.claim() {
                station.cache.flush();
                self.release(index);
            }
        }
    }
}

/// Gives what the caches of all idle stacks keep back to the arena.
pub(super) fn flush_idle() {
    if let Ok(vault) = super::vault() {
        vault.small.flush_idle();
        vault.large.flush_idle();
    }
}

/// The right to stand on a stack. Giving it back wipes the stack, all of it, and the registers.
pub(super) struct Borrowed<'p> {
    pool: &'p Pool,
    index: usize,
}

impl Deref for Borrowed<'_> {
    type Target = Station;

    #[inline]
    fn deref(&self) -> &Station {
        &self.pool.stations[self.index]
    }
}

impl Drop for Borrowed<'_> {
    #[inline]
    fn drop(&mut self) {
        // A scan for the mark of deepest use would be cheaper and leaves data behind: frames have
        // holes larger than any limit one would choose.
        // SAFETY: the segment is mapped, and the borrower does not stand on it any more.
        unsafe { sys::wipe(self.stack.base().as_ptr(), self.stack.len()) };
        registers::wipe();
        self.pool.release(self.index);
    }
}

#[cfg(test)]
impl Pool {
    /// Bytes that are not zero on a stack nobody uses: the one this thread had last, if it is free.
    pub(super) fn residue(&self) -> usize {
        let station = self.borrow();
        // SAFETY: mapped, initialised by the first wipe, and borrowed by us.
        let stack = unsafe { std::slice::from_raw_parts(station.base(), station.stack.len()) };
        stack.iter().filter(|byte| **byte != 0).count()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(SeqCst)
    }
}
