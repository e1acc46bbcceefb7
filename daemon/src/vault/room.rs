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
    // What does not fit is never added, not even for a moment: it would refuse others that fit.
    let admit = || {
        let promised = PROMISED.fetch_update(SeqCst, SeqCst, |before| {
            let after = before.checked_add(room)?;
            let needed = after.checked_add(vault.reserve)?;
            (central::free_bytes() >= needed).then_some(after)
        });
        promised.is_ok()
    };
    if admit() {
        return Ok(Promise(room));
    }
    heap::reclaim();
    if admit() { Ok(Promise(room)) } else { Err(Error::Full) }
}

impl Drop for Promise {
    fn drop(&mut self) {
        PROMISED.fetch_sub(self.0, SeqCst);
    }
}
