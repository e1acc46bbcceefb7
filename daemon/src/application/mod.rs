//! PKCS#11 applications: one successful C_Initialize in one process.
//!
//! An application owns its sessions, handles, login and session objects. It lives as long as one of its
//! connections does; when the last one closes, all of that is gone at once.

mod all;
mod handle;
mod objects;
mod session;
#[cfg(test)]
mod tests;

pub use all::{Applications, Gate};
pub use handle::Handles;
pub use session::{Held, Operation, Progress, Session, SessionState};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::cipher::Function;

use crate::Error;
use crate::object::{Object, ObjectId, Slot};
use crate::share::{Claim, Share, Thing};
use crate::state::login::Login;

/// An application.
pub struct Application {
    /// What the uid of its process holds; the uid is what the kernel said when it connected.
    pub share: Arc<Share>,
    /// Process id, for the audit log only.
    pub pid: i32,
    /// What further connections of the process show to join it.
    pub token: [u8; 16],
    inner: Mutex<Inner>,
}

/// Shows no token: who has it joins the application.
impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Application(uid {}, pid {})", self.share.uid(), self.pid)
    }
}

#[derive(Debug)]
struct Inner {
    sessions: HashMap<u32, Session>,
    session_count: Claim,
    next_session: u32,
    logins: HashMap<Slot, Login>,
    handles: Handles,
    session_objects: HashMap<ObjectId, (u32, Arc<Object>)>,
    object_count: Claim,
    /// Bytes of their attributes.
    object_bytes: Claim,
}

/// What a request finds out about its session, all at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// The session's handle.
    pub handle: u32,
    /// Its slot.
    pub slot: Slot,
    /// Whether it may change token objects.
    pub read_write: bool,
    /// Who is logged in to the token.
    pub login: Login,
}

impl SessionView {
    /// Whether it sees private objects.
    pub fn sees_private(&self) -> bool {
        self.login == Login::User
    }
}

impl Application {
    fn new(share: &Arc<Share>, pid: i32, token: [u8; 16]) -> Self {
        let inner = Mutex::new(Inner::new(share));
        Self { share: Arc::clone(share), pid, token, inner }
    }

    /// Opens a session.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionCount`] at the limit or where the uid has too many,
    /// [`ErrorCode::SessionReadWriteSoExists`] for a read-only session while the security officer is logged in.
    pub fn open_session(&self, slot: Slot, read_write: bool, limit: usize) -> Result<u32, Error> {
        let mut inner = self.lock();
        inner.may_open_session(slot, read_write, limit)?;
        inner.session_count.grow(1)?;
        let handle = loop {
            inner.next_session = inner.next_session.wrapping_add(1);
            let handle = inner.next_session;
            if handle != 0 && !inner.sessions.contains_key(&handle) {
                break handle;
            }
        };
        inner.sessions.insert(handle, Session::new(slot, read_write));
        Ok(handle)
    }

    /// Whether a session can be opened now.
    ///
    /// # Errors
    ///
    /// As [`Application::open_session`].
    pub fn may_open_session(
        &self,
        slot: Slot,
        read_write: bool,
        limit: usize,
    ) -> Result<(), Error> {
        self.lock().may_open_session(slot, read_write, limit)
    }

    /// The session of that handle.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`].
    pub fn session(&self, handle: u32) -> Result<SessionView, Error> {
        let inner = self.lock();
        let session = inner.sessions.get(&handle).ok_or(ErrorCode::SessionInvalid)?;
        Ok(SessionView {
            handle,
            slot: session.slot,
            read_write: session.read_write,
            login: inner.login(session.slot),
        })
    }

    /// How many sessions it has with a slot, and how many of them are read-write.
    pub fn count_sessions(&self, slot: Slot) -> (u32, u32) {
        let inner = self.lock();
        let of_slot = inner.sessions.values().filter(|session| session.slot == slot);
        of_slot.fold((0, 0), |(all, rw), s| (all + 1, rw + u32::from(s.read_write)))
    }

    /// How many sessions it has.
    pub fn sessions(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Closes a session, with its session objects; the last one with a token ends the login there.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`].
    pub fn close_session(&self, handle: u32) -> Result<(), Error> {
        let mut inner = self.lock();
        let session = inner.sessions.remove(&handle).ok_or(ErrorCode::SessionInvalid)?;
        inner.session_count.shrink(1);
        inner.drop_session_objects(|owner, _| owner == handle);
        if !inner.sessions.values().any(|other| other.slot == session.slot) {
            inner.forget_login(session.slot);
        }
        Ok(())
    }

    /// Closes all sessions with a slot.
    pub fn close_all_sessions(&self, slot: Slot) {
        let mut inner = self.lock();
        let closed: Vec<u32> = inner
            .sessions
            .iter()
            .filter(|(_, session)| session.slot == slot)
            .map(|(handle, _)| *handle)
            .collect();
        for handle in closed {
            inner.sessions.remove(&handle);
            inner.session_count.shrink(1);
            inner.drop_session_objects(|owner, _| owner == handle);
        }
        inner.forget_login(slot);
    }

    /// Who is logged in to a slot.
    pub fn login(&self, slot: Slot) -> Login {
        self.lock().login(slot)
    }

    /// Notes a successful login. Other threads were free to act while the PIN was tried, so the session and the
    /// table decide again here.
    ///
    /// # Errors
    ///
    /// As [`Application::may_log_in`].
    pub fn log_in(&self, session: u32, who: Login) -> Result<(), Error> {
        let mut inner = self.lock();
        let (slot, next) = inner.may_log_in(session, who)?;
        inner.logins.insert(slot, next);
        Ok(())
    }

    /// Whether a login is possible now, the PIN aside.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`], what the login table says of a second login, and
    /// [`ErrorCode::SessionReadOnlyExists`] for the security officer while a read-only session is open.
    pub fn may_log_in(&self, session: u32, who: Login) -> Result<(), Error> {
        self.lock().may_log_in(session, who).map(drop)
    }

    /// Ends the login: handles of private objects die for ever, private session objects are destroyed, and
    /// operations with private keys end.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::UserNotLoggedIn`].
    pub fn log_out(&self, slot: Slot) -> Result<(), Error> {
        let mut inner = self.lock();
        inner.login(slot).log_out()?;
        inner.forget_login(slot);
        Ok(())
    }

    /// The handle of an object in this application, made when first asked for.
    pub fn handle_of(&self, object: &Object) -> u32 {
        self.lock().handles.give(object.id, object.slot, object.is_private())
    }

    /// Handles of objects that were found.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ShareExceeded`] where the uid has too many.
    pub fn handles_of(&self, objects: &[Arc<Object>]) -> Result<Vec<u32>, Error> {
        self.lock().handles.give_all(objects)
    }

    /// The object id behind a handle.
    pub fn id_of(&self, handle: u32) -> Option<ObjectId> {
        self.lock().handles.id(handle)
    }

    /// Forgets the handle of a destroyed object.
    pub fn forget(&self, id: ObjectId) {
        self.lock().handles.forget(id);
    }

    /// Starts a multi-part operation in a session.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`], [`ErrorCode::OperationActive`] where one of that function runs, or
    /// [`ErrorCode::UserNotLoggedIn`] for a private key where the user logged out meanwhile.
    pub fn start(
        &self,
        session: u32,
        function: Function,
        operation: Operation,
    ) -> Result<(), Error> {
        let mut inner = self.lock();
        if operation.key.is_private() && inner.login(operation.key.slot) != Login::User {
            return Err(ErrorCode::UserNotLoggedIn.into());
        }
        let session = inner.sessions.get_mut(&session).ok_or(ErrorCode::SessionInvalid)?;
        session.start(function, operation)
    }

    /// Takes a multi-part operation out of its session; who wants to go on puts it back with
    /// [`Application::start`].
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`], or [`ErrorCode::OperationNotStarted`].
    pub fn take(&self, session: u32, function: Function) -> Result<Operation, Error> {
        let mut inner = self.lock();
        let session = inner.sessions.get_mut(&session).ok_or(ErrorCode::SessionInvalid)?;
        session.take(function)
    }

    /// Notes that the user gave the PIN for the next use of a key in a session; one for another key is forgotten.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`], or [`ErrorCode::UserNotLoggedIn`] where the user logged out meanwhile.
    pub fn authenticate(&self, session: u32, key: ObjectId) -> Result<(), Error> {
        let mut inner = self.lock();
        let slot = inner.sessions.get(&session).ok_or(ErrorCode::SessionInvalid)?.slot;
        if inner.login(slot) != Login::User {
            return Err(ErrorCode::UserNotLoggedIn.into());
        }
        let session = inner.sessions.get_mut(&session).ok_or(ErrorCode::SessionInvalid)?;
        session.authenticated = Some(key);
        Ok(())
    }

    /// Whether the user gave the PIN for the next use of a key in a session.
    pub fn is_authenticated(&self, session: u32, key: ObjectId) -> bool {
        let inner = self.lock();
        inner.sessions.get(&session).is_some_and(|session| session.authenticated == Some(key))
    }

    /// Uses up the PIN that was given for the next use of a key in a session.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`], or [`ErrorCode::UserNotLoggedIn`] where none was given.
    pub fn spend_authentication(&self, session: u32, key: ObjectId) -> Result<(), Error> {
        let mut inner = self.lock();
        let session = inner.sessions.get_mut(&session).ok_or(ErrorCode::SessionInvalid)?;
        let given = session.authenticated.take_if(|given| *given == key);
        given.map(drop).ok_or(ErrorCode::UserNotLoggedIn.into())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn new(share: &Arc<Share>) -> Self {
        Self {
            sessions: HashMap::new(),
            session_count: Claim::none(share, Thing::Sessions),
            next_session: 0,
            logins: HashMap::new(),
            handles: Handles::new(share),
            session_objects: HashMap::new(),
            object_count: Claim::none(share, Thing::SessionObjects),
            object_bytes: Claim::none(share, Thing::SessionBytes),
        }
    }

    fn login(&self, slot: Slot) -> Login {
        self.logins.get(&slot).copied().unwrap_or(Login::Public)
    }

    fn may_open_session(&self, slot: Slot, read_write: bool, limit: usize) -> Result<(), Error> {
        if self.sessions.len() >= limit {
            return Err(ErrorCode::SessionCount.into());
        }
        self.session_count.may_grow(1)?;
        if !read_write && self.login(slot) == Login::SecurityOfficer {
            return Err(ErrorCode::SessionReadWriteSoExists.into());
        }
        Ok(())
    }

    fn may_log_in(&self, session: u32, who: Login) -> Result<(Slot, Login), Error> {
        let slot = self.sessions.get(&session).ok_or(ErrorCode::SessionInvalid)?.slot;
        let next = self.login(slot).log_in(who)?;
        let read_only = |session: &Session| session.slot == slot && !session.read_write;
        if who == Login::SecurityOfficer && self.sessions.values().any(read_only) {
            return Err(ErrorCode::SessionReadOnlyExists.into());
        }
        Ok((slot, next))
    }

    fn forget_login(&mut self, slot: Slot) {
        if self.logins.remove(&slot).is_some_and(|login| login != Login::Public) {
            self.handles.forget_private(slot);
            self.drop_session_objects(|_, object| object.slot == slot && object.is_private());
            for session in self.sessions.values_mut().filter(|session| session.slot == slot) {
                session.end_private_operations();
            }
        }
    }
}
