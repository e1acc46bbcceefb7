//! C_WaitForSlotEvent (section 5.5): tokens that are made, initialised, or gone with the daemon and back.
//!
//! The thread that waits is the caller's. It sleeps until the daemon tells of something, C_Finalize is called, or
//! it is time to see whether the daemon is there again.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use cryptoki_sys::{CK_FLAGS, CK_SLOT_ID, CKF_DONT_BLOCK};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::error::Error;
use crate::module::{Module, lock};

/// Milliseconds until what nobody tells of is looked at: another thread may have read the event, and the daemon may
/// have come back.
const PATIENCE: u16 = 500;

/// What wakes threads that wait when C_Finalize is called; made when the first one waits.
#[derive(Default)]
pub(crate) struct Waker(Mutex<Option<Arc<Pair>>>);

/// A byte goes in at one end and is never taken out at the other, so that all who wait see it.
struct Pair {
    sleeping: UnixStream,
    waking: UnixStream,
}

/// A slot as it was last told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether its token is there.
    pub(crate) is_present: bool,
    /// Whether its token is initialised.
    pub(crate) is_initialised: bool,
}

/// The slots as they were last told of; nothing before the first look, because events are counted from
/// C_Initialize on.
#[derive(Default)]
pub(crate) struct Told(Option<BTreeMap<u32, Seen>>);

impl Told {
    /// Notes how the slots are at the beginning.
    pub(crate) fn begin(&mut self, now: &BTreeMap<u32, Seen>) {
        self.0.get_or_insert_with(|| now.clone());
    }

    /// A slot that is not as it was, which is told of hereby.
    pub(crate) fn take_change(&mut self, now: &BTreeMap<u32, Seen>) -> Option<u32> {
        let told = self.0.get_or_insert_with(|| now.clone());
        let (slot, seen) = now.iter().find(|(slot, seen)| told.get(slot) != Some(seen))?;
        told.insert(*slot, *seen);
        Some(*slot)
    }
}

/// `C_WaitForSlotEvent`.
pub(crate) fn wait(module: &Module, flags: CK_FLAGS) -> Result<CK_SLOT_ID, Error> {
    let pair = module.waker.pair()?;
    // A C_Finalize that came after the call had begun and before the line above has woken nobody.
    if !module.is_initialized() {
        return Err(Error::NotInitialized);
    }
    loop {
        if let Some(slot) = module.slots.take_change(&module.link) {
            return Ok(slot.into());
        }
        if flags & CKF_DONT_BLOCK != 0 {
            return Err(Error::NoEvent);
        }
        sleep(module, &pair)?;
    }
}

fn sleep(module: &Module, pair: &Pair) -> Result<(), Error> {
    let events = module.link.present().and_then(|application| application.event_descriptor());
    let is_readable = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
    let mut descriptors: Vec<PollFd<'_>> = vec![is_readable(pair.sleeping.as_fd())];
    let events: Option<BorrowedFd<'_>> = events.as_ref().map(AsFd::as_fd);
    descriptors.extend(events.map(is_readable));
    match poll(&mut descriptors, PollTimeout::from(PATIENCE)) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(_) => return Err(Error::FunctionFailed),
    }
    let is_finalized = descriptors.first().and_then(PollFd::any).unwrap_or(false);
    if is_finalized { Err(Error::NotInitialized) } else { Ok(()) }
}

impl Waker {
    /// Forgets the threads that were woken.
    pub(crate) fn reset(&self) {
        *lock(&self.0) = None;
    }

    /// Wakes all threads that wait.
    pub(crate) fn wake(&self) {
        if let Some(pair) = lock(&self.0).as_ref() {
            // It has room for one byte.
            let _ = (&pair.waking).write(&[0]);
        }
    }

    fn pair(&self) -> Result<Arc<Pair>, Error> {
        let mut pair = lock(&self.0);
        if let Some(pair) = pair.as_ref() {
            return Ok(pair.clone());
        }
        let (sleeping, waking) = UnixStream::pair().map_err(|_| Error::FunctionFailed)?;
        let made = Arc::new(Pair { sleeping, waking });
        *pair = Some(made.clone());
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: Seen = Seen { is_present: true, is_initialised: true };
    const AWAY: Seen = Seen { is_present: false, is_initialised: true };

    #[test]
    fn each_change_is_told_once_and_the_beginning_is_none() {
        let slots = |list: &[(u32, Seen)]| list.iter().copied().collect::<BTreeMap<_, _>>();
        let mut told = Told::default();
        assert_eq!(told.take_change(&slots(&[(0, THERE)])), None);
        let two = slots(&[(0, AWAY), (1, THERE)]);
        assert_eq!(told.take_change(&two), Some(0));
        assert_eq!(told.take_change(&two), Some(1));
        assert_eq!(told.take_change(&two), None);
        assert_eq!(told.take_change(&slots(&[(0, THERE), (1, THERE)])), Some(0));
    }
}
