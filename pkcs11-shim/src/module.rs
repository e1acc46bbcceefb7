//! The state of the module in one process, from C_Initialize to C_Finalize.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::config::Config;
use crate::connection::Link;
use crate::error::Error;
use crate::nonce::Nonces;
use crate::session::Sessions;
use crate::slot::Slots;
use crate::slot_event::Waker;
use crate::state::StateKey;

/// Everything that the module knows.
#[derive(Default)]
pub(crate) struct Module {
    /// Taken by C_Initialize and C_Finalize only.
    lifecycle: Mutex<()>,
    initialized: AtomicBool,
    debug: AtomicBool,
    pub(crate) link: Link,
    pub(crate) slots: Slots,
    pub(crate) sessions: Sessions,
    pub(crate) waker: Waker,
    pub(crate) state_key: StateKey,
    /// They outlive C_Finalize, for the keys do.
    pub(crate) nonces: Nonces,
}

impl Module {
    /// C_Initialize (section 5.4): of calls that race, one succeeds.
    pub(crate) fn initialize(&self, config: Config) -> Result<(), Error> {
        let _one = lock(&self.lifecycle);
        if self.is_initialized() {
            return Err(Error::AlreadyInitialized);
        }
        self.debug.store(config.debug, Ordering::Relaxed);
        self.slots.clear();
        self.link.configure(config.socket);
        self.sessions.begin();
        self.waker.reset();
        self.state_key.reset();
        self.initialized.store(true, Ordering::Release);
        Ok(())
    }

    /// C_Finalize: when it returns, the daemon has no session of this process. It ends the application when the sockets
    /// close.
    pub(crate) fn finalize(&self) -> Result<(), Error> {
        let _one = lock(&self.lifecycle);
        if !self.initialized.swap(false, Ordering::AcqRel) {
            return Err(Error::NotInitialized);
        }
        self.waker.wake();
        self.link.close();
        self.sessions.end();
        self.slots.clear();
        Ok(())
    }

    /// Whether C_Initialize was called, and C_Finalize was not.
    pub(crate) fn is_initialized(&self) -> bool {
        self.initialized.load(Ordering::Acquire)
    }

    /// Whether calls are logged.
    pub(crate) fn is_debug(&self) -> bool {
        self.debug.load(Ordering::Relaxed)
    }
}

/// Locks; a panic of another call inside leaves nothing half-done that later calls could not bear.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
