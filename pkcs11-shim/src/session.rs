//! Sessions of this process: a handle here, a session in the daemon, and the operations active in it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use coffer_client::Reply;
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::object::{DescribeObject, ObjectDescription};
use coffer_protocol::operation::token::{
    CloseAllSessions, CloseSession, GetSessionInfo, OpenSession, SessionInfo,
};
use coffer_protocol::weak::WeakKeys;
use cryptoki_sys::{
    CK_FLAGS, CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SLOT_ID, CKF_ASYNC_SESSION,
    CKF_RW_SESSION, CKF_SERIAL_SESSION,
};

use crate::cancel::Noted;
use crate::connection::Application;
use crate::error::Error;
use crate::module::{Module, lock};
use crate::opening::Openings;
use crate::operation::Operations;

/// The open sessions.
#[derive(Default)]
pub(crate) struct Sessions {
    open: RwLock<HashMap<CK_SESSION_HANDLE, Arc<Session>>>,
    /// Handles are never used twice, so that one from before a restart of the daemon names nothing.
    last: AtomicU64,
    /// Those that are on their way.
    openings: Openings,
}

/// One session.
pub(crate) struct Session {
    slot: u32,
    /// Its handle in the daemon.
    number: u32,
    application: Arc<Application>,
    operations: Mutex<Operations>,
    /// Operations that C_SessionCancel wants to end, while it waits for their calls.
    pub(crate) stopping: Noted,
    /// Calls that make something at one stroke and run now.
    pub(crate) making: Noted,
}

/// `C_OpenSession` (section 5.6).
pub(crate) fn open(
    module: &Module,
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
) -> Result<CK_SESSION_HANDLE, Error> {
    if flags & CKF_SERIAL_SESSION == 0 {
        return Err(Error::SessionParallel);
    }
    if flags & CKF_ASYNC_SESSION != 0 {
        return Err(Error::SessionAsync);
    }
    let opening = module.sessions.openings.enter()?;
    let slot = module.slots.expect_present(&module.link, slot)?;
    let read_write = flags & CKF_RW_SESSION != 0;
    let (application, reply) = module.link.call(&OpenSession { slot, read_write })?;
    let session = Arc::new(Session {
        slot,
        number: reply.meta.session,
        application,
        operations: Mutex::default(),
        stopping: Noted::default(),
        making: Noted::default(),
    });
    if let Some(handle) = opening.put(|| module.sessions.insert(session.clone())) {
        return Ok(handle);
    }
    // C_Finalize was called, and it is over whatever the daemon answers.
    let _ = session.call(&CloseSession { session: session.number }, &[]);
    Err(Error::NotInitialized)
}

/// `C_CloseSession`.
pub(crate) fn close(module: &Module, handle: CK_SESSION_HANDLE) -> Result<(), Error> {
    let session = module.sessions.remove(handle)?;
    session.call(&CloseSession { session: session.number }, &[])?;
    for object in &session.operations().made {
        session.application.keys.forget(session.slot, *object);
    }
    if !module.sessions.has_any(&session.application, session.slot) {
        // The last session took the login with it, and with that the handles of private objects.
        session.application.keys.forget_slot(session.slot);
    }
    Ok(())
}

/// `C_CloseAllSessions`.
pub(crate) fn close_all(module: &Module, slot: CK_SLOT_ID) -> Result<(), Error> {
    let slot = module.slots.expect_known(&module.link, slot)?;
    let Some(application) = module.link.present() else {
        return Ok(());
    };
    module.sessions.remove_slot(slot);
    application.keys.forget_slot(slot);
    application.call(&CloseAllSessions { slot }, &[])?;
    Ok(())
}

/// `C_GetSessionInfo`.
pub(crate) fn info(module: &Module, handle: CK_SESSION_HANDLE) -> Result<CK_SESSION_INFO, Error> {
    let session = module.sessions.find(handle)?;
    let reply = session.call(&GetSessionInfo { session: session.number }, &[])?;
    let SessionInfo { slot, state, read_write } = reply.meta;
    Ok(CK_SESSION_INFO {
        slotID: slot.into(),
        state: state.into(),
        flags: CKF_SERIAL_SESSION | if read_write { CKF_RW_SESSION } else { 0 },
        ulDeviceError: 0,
    })
}

impl Sessions {
    /// The session with that handle, while its daemon lives.
    pub(crate) fn find(&self, handle: CK_SESSION_HANDLE) -> Result<Arc<Session>, Error> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(&handle).ok_or(Error::SessionHandleInvalid)?.clone();
        drop(open);
        if session.application.is_lost() {
            self.retain(|session| !session.application.is_lost());
            return Err(Error::SessionHandleInvalid);
        }
        Ok(session)
    }

    /// The sessions with a slot's token.
    pub(crate) fn of_slot(&self, slot: u32) -> Vec<Arc<Session>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().filter(|session| session.slot == slot).cloned().collect()
    }

    /// Lets sessions be opened.
    pub(crate) fn begin(&self) {
        self.openings.begin();
    }

    /// Ends all sessions, those too that are being opened.
    pub(crate) fn end(&self) {
        self.openings.end();
        let open = std::mem::take(&mut *self.open.write().unwrap_or_else(PoisonError::into_inner));
        let mut ended: Vec<&Session> = Vec::new();
        for session in open.values() {
            let is_same = |other: &&Session| {
                other.slot == session.slot && Arc::ptr_eq(&other.application, &session.application)
            };
            if !ended.iter().any(is_same) {
                ended.push(session);
                session.application.end_sessions(session.slot);
            }
        }
    }

    fn insert(&self, session: Arc<Session>) -> CK_SESSION_HANDLE {
        let handle = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(handle, session);
        handle
    }

    fn remove(&self, handle: CK_SESSION_HANDLE) -> Result<Arc<Session>, Error> {
        self.find(handle)?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        open.remove(&handle).ok_or(Error::SessionHandleInvalid)
    }

    fn remove_slot(&self, slot: u32) {
        self.retain(|session| session.slot != slot);
    }

    fn has_any(&self, application: &Arc<Application>, slot: u32) -> bool {
        let of_slot = self.of_slot(slot);
        of_slot.iter().any(|session| Arc::ptr_eq(&session.application, application))
    }

    fn retain(&self, keep: impl Fn(&Session) -> bool) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let (kept, gone) = open.drain().partition(|(_, session)| keep(session));
        *open = kept;
        drop(open);
        // What ends with a session is dropped without the lock.
        let _: HashMap<CK_SESSION_HANDLE, Arc<Session>> = gone;
    }
}

impl Session {
    /// Its handle in the daemon.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Its slot.
    pub(crate) fn slot(&self) -> u32 {
        self.slot
    }

    /// The application it belongs to.
    pub(crate) fn application(&self) -> &Application {
        &self.application
    }

    /// What may be done with weak keys in its daemon.
    pub(crate) fn weak_keys(&self) -> WeakKeys {
        self.application.weak_keys()
    }

    /// The operations active in it; calls with the same session wait for each other here.
    pub(crate) fn operations(&self) -> MutexGuard<'_, Operations> {
        lock(&self.operations)
    }

    /// Refuses to go on with an operation that C_SessionCancel wants to end.
    pub(crate) fn expect_wanted(&self, flag: CK_FLAGS) -> Result<(), Error> {
        if self.stopping.has(flag) { Err(Error::FunctionCanceled) } else { Ok(()) }
    }

    /// Asks the daemon.
    pub(crate) fn call<O: Operation>(
        &self,
        request: &O,
        payload: &[u8],
    ) -> Result<Reply<O::Reply>, Error> {
        self.application.call(request, payload).map_err(Error::in_session)
    }

    /// What is known of an object: kept knowledge if nothing changed since, else the daemon's answer.
    pub(crate) fn describe(&self, object: u32) -> Result<Arc<ObjectDescription>, Error> {
        self.application.drain_events();
        let keys = &self.application.keys;
        if let Some(known) = keys.find(self.slot, object) {
            return Ok(known);
        }
        let before = keys.before();
        let reply = self.call(&DescribeObject { session: self.number, object }, &[])?;
        let description = Arc::new(reply.meta);
        keys.keep(self.slot, &description, before);
        Ok(description)
    }

    /// The daemon's handle of an object; 0, which it never gives, for one of an application that is gone.
    pub(crate) fn object(&self, handle: CK_OBJECT_HANDLE) -> u32 {
        let current = handle >> 32 == CK_OBJECT_HANDLE::from(self.application.number());
        u32::try_from(handle & CK_OBJECT_HANDLE::from(u32::MAX))
            .ok()
            .filter(|_| current)
            .unwrap_or(0)
    }

    /// The handle by which this process knows an object.
    ///
    /// The upper half is the number of the application, so that a handle from before a restart of the daemon
    /// names nothing.
    pub(crate) fn object_handle(&self, object: u32) -> CK_OBJECT_HANDLE {
        CK_OBJECT_HANDLE::from(self.application.number()) << 32 | CK_OBJECT_HANDLE::from(object)
    }
}
