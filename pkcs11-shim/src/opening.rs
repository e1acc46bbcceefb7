//! Sessions on their way. C_Finalize waits for those that are being opened, so that the daemon has none of this process
//! when it returns.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::error::Error;
use crate::module::lock;

/// How long C_Finalize waits for a daemon that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether sessions may be opened, and how many are being.
#[derive(Default)]
pub(crate) struct Openings {
    state: Mutex<State>,
    over: Condvar,
}

#[derive(Default)]
struct State {
    may_open: bool,
    /// Which C_Initialize it is, so that whoever began before another C_Finalize is late.
    life: u64,
    running: usize,
}

/// A session that is being opened, until it is dropped.
pub(crate) struct Opening<'o> {
    openings: &'o Openings,
    life: u64,
}

impl Openings {
    /// C_Initialize.
    pub(crate) fn begin(&self) {
        let mut state = lock(&self.state);
        state.life += 1;
        state.may_open = true;
    }

    /// C_Finalize: from here on none is opened, and those that were being opened are there or given up.
    pub(crate) fn end(&self) {
        let mut state = lock(&self.state);
        state.may_open = false;
        let waited = self.over.wait_timeout_while(state, PATIENCE, |state| state.running > 0);
        // Who is still waited for is late, and ends its session itself.
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Begins to open a session.
    pub(crate) fn enter(&self) -> Result<Opening<'_>, Error> {
        let mut state = lock(&self.state);
        if !state.may_open {
            return Err(Error::NotInitialized);
        }
        state.running += 1;
        Ok(Opening { openings: self, life: state.life })
    }
}

impl Opening<'_> {
    /// Puts the session in its place, unless C_Finalize was called: `None`.
    pub(crate) fn put<R>(&self, put: impl FnOnce() -> R) -> Option<R> {
        let state = lock(&self.openings.state);
        (state.may_open && state.life == self.life).then(put)
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.openings.state);
        state.running -= 1;
        drop(state);
        self.openings.over.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_put_after_the_end_and_the_end_waits_for_what_was_begun() {
        let openings = Openings::default();
        assert!(openings.enter().is_err());
        openings.begin();
        let opening = openings.enter().unwrap();
        std::thread::scope(|scope| {
            let end = scope.spawn(|| openings.end());
            while openings.enter().is_ok() {
                std::thread::yield_now();
            }
            assert!(!end.is_finished());
            assert_eq!(opening.put(|| 1), None);
            drop(opening);
        });
        openings.begin();
        assert_eq!(openings.enter().unwrap().put(|| 1), Some(1));
    }

    #[test]
    fn who_began_in_another_life_is_late() {
        let openings = Openings::default();
        openings.begin();
        let opening = openings.enter().unwrap();
        lock(&openings.state).may_open = false;
        openings.begin();
        assert_eq!(opening.put(|| 1), None);
    }
}
