//! Admission to the arena: what is promised to loads under way, and what stays free for operations.
use super::error::Error;
use super::{central, heap};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Bytes promised to callers that have not finished allocating.
static PROMISED: AtomicUsize = AtomicUsize::new(0);

/// A promise of room, taken back when it is dropped.
pub(super) struct Promise(usize);

/// Promises `room` bytes beside the reserve, or says that the arena is full.
pub(super) fn promise(room: usize) -> Result<Promise, Error> {
    let vault = super::vault()?;
    if room > vault.arena {
        return Err(Error::Full);
    }
    let before = PROMISED.fetch_add(room, SeqCst);
    let promise = Promise(room);
    let needed = before.saturating_add(room).saturating_add(vault.reserve);
    if central::free_bytes() < needed {
        heap::reclaim();
    }
    if central::free_bytes() < needed { Err(Error::Full) } else { Ok(promise) }
}

impl Drop for Promise {
    fn drop(&mut self) {
        PROMISED.fetch_sub(self.0, SeqCst);
    }
}
