//! All applications, and the gates that keep new sessions out while a token is initialised.

use std::collections::HashMap;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};

use super::Application;
use crate::object::Slot;
use crate::share::Share;

/// All applications that have a connection.
#[derive(Debug, Default)]
pub struct Applications {
    all: Mutex<HashMap<[u8; 16], Weak<Application>>>,
    gates: Mutex<HashMap<Slot, Arc<Gate>>>,
}

/// The way to the sessions of a slot.
#[derive(Debug, Default)]
pub struct Gate(RwLock<()>);

impl Gate {
    /// Held while a session is opened.
    pub fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while nobody may open one.
    pub fn close(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Applications {
    /// A new application of a process.
    pub fn create(&self, share: &Arc<Share>, pid: i32, token: [u8; 16]) -> Arc<Application> {
        let application = Arc::new(Application::new(share, pid, token));
        let mut all = self.lock();
        all.retain(|_, application| application.strong_count() > 0);
        all.insert(token, Arc::downgrade(&application));
        application
    }

    /// The application of that token, if it belongs to the same process.
    pub fn attach(&self, token: &[u8; 16], uid: u32, pid: i32) -> Option<Arc<Application>> {
        let application = self.lock().get(token)?.upgrade()?;
        (application.share.uid() == uid && application.pid == pid).then_some(application)
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Application>> {
        self.lock().values().filter_map(Weak::upgrade).collect()
    }

    /// Whether any of them has a session with the slot.
    pub fn have_sessions(&self, slot: Slot) -> bool {
        self.all().iter().any(|application| application.count_sessions(slot).0 > 0)
    }

    /// The gate of a slot.
    pub fn gate(&self, slot: Slot) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(slot).or_default().clone()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 16], Weak<Application>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
