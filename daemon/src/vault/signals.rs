//! Signal masks of threads that enter the vault.
use super::error::Error;
use nix::sys::signal::{SigSet, SigmaskHow};

/// Blocks every signal in this thread, for good. For threads that will call [`run`](fn@super::run), as
/// the first thing they do; not for the main thread, which would become immune to `SIGTERM`.
///
/// Synchronous ones too: a fault then ends the process at once instead of writing the registers to
/// the ordinary alternate stack that the standard library gives to every thread.
pub fn block_signals() -> Result<(), Error> {
    SigSet::all()
        .thread_swap_mask(SigmaskHow::SIG_SETMASK)
        .map(drop)
        .map_err(|errno| Error::Os("block signals", errno))
}

/// In debug builds, counts threads that enter the vault with signals unblocked. One system call for
/// each thread; a mask and restore for each `run` would cost more than a small operation.
#[cfg(debug_assertions)]
#[inline]
pub(super) fn count_unblocked() {
    use nix::sys::signal::Signal;
    thread_local! {
        static SEEN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    if SEEN.replace(true) {
        return;
    }
    let blocked = SigSet::thread_get_mask().is_ok_and(|mask| {
        Signal::iterator()
            .filter(|signal| !matches!(signal, Signal::SIGKILL | Signal::SIGSTOP))
            .all(|signal| mask.contains(signal))
    });
    if !blocked {
        UNBLOCKED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[cfg(not(debug_assertions))]
#[inline]
pub(super) fn count_unblocked() {}

#[cfg(debug_assertions)]
static UNBLOCKED: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

/// How many threads have entered the vault with signals unblocked. Known in debug builds only.
pub fn unblocked_threads() -> Option<usize> {
    #[cfg(debug_assertions)]
    return Some(UNBLOCKED.load(std::sync::atomic::Ordering::Relaxed));
    #[cfg(not(debug_assertions))]
    None
}
