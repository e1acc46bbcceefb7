//! The way to the daemon: made at the first call that needs it, and made anew after it was lost.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use coffer_client::{Attempt, CallOptions, ConnectOptions, Event, Reply, Role};
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::token::CloseAllSessions;
use coffer_protocol::weak::WeakKeys;

use crate::error::Error;
use crate::key::Keys;
use crate::module::lock;

/// After a failed attempt, slot calls answer at once for this long.
const BACK_OFF: Duration = Duration::from_secs(1);

/// How long a daemon may take to end the sessions of a slot when C_Finalize is called.
const PATIENCE: Duration = Duration::from_secs(1);

/// The present application in the daemon, if there is one.
#[derive(Default)]
pub(crate) struct Link {
    current: RwLock<Current>,
    attempts: Mutex<Attempts>,
}

/// What there is between C_Initialize and C_Finalize.
#[derive(Default)]
struct Current {
    /// Whether there may be an application.
    is_open: bool,
    /// Which C_Initialize it is, so that a connection that was begun before another C_Finalize is late.
    life: u64,
    application: Option<Arc<Application>>,
}

/// Taken while a connection is made, so that one thread makes it.
#[derive(Default)]
struct Attempts {
    socket: PathBuf,
    failed: Option<Instant>,
    /// The last one found a socket whose daemon said nothing.
    was_silent: bool,
    made: u32,
}

/// One application in one run of the daemon; it owns sessions and object handles.
pub(crate) struct Application {
    client: coffer_client::Application,
    /// The how-manieth application of this process it is.
    number: u32,
    lost: AtomicBool,
    token_changes: AtomicU64,
    pub(crate) keys: Keys,
}

impl Link {
    /// Sets where the daemon is.
    pub(crate) fn configure(&self, socket: PathBuf) {
        let mut attempts = lock(&self.attempts);
        attempts.socket = socket;
        attempts.failed = None;
        attempts.was_silent = false;
        attempts.made = 0;
        drop(attempts);
        let mut current = self.write();
        *current = Current { is_open: true, life: current.life + 1, application: None };
    }

    /// The present application; connects if there is none, unless that failed just now.
    pub(crate) fn application(&self) -> Result<Arc<Application>, Error> {
        if let Some(application) = self.present() {
            return Ok(application);
        }
        let mut attempts = lock(&self.attempts);
        if let Some(application) = self.present() {
            return Ok(application);
        }
        let life = self.read().life;
        if attempts.failed.is_some_and(|at| at.elapsed() < BACK_OFF) {
            return Err(Error::TokenNotPresent);
        }
        let client = open(&attempts.socket, attempts.was_silent).map_err(|error| {
            use coffer_client::Error::Unreachable;
            attempts.was_silent = !matches!(error, Unreachable(cause) if is_absence(cause.kind()));
            attempts.failed = Some(Instant::now());
            Error::TokenNotPresent
        })?;
        attempts.failed = None;
        attempts.was_silent = false;
        let application = Arc::new(Application {
            client,
            number: attempts.made,
            lost: AtomicBool::new(false),
            token_changes: AtomicU64::new(0),
            keys: Keys::default(),
        });
        attempts.made = attempts.made.wrapping_add(1);
        let mut current = self.write();
        if !current.is_open || current.life != life {
            return Err(Error::NotInitialized);
        }
        current.application = Some(application.clone());
        Ok(application)
    }

    /// Asks something that belongs to no session and may be asked twice: again after a loss, once.
    pub(crate) fn call<O: Operation>(
        &self,
        request: &O,
    ) -> Result<(Arc<Application>, Reply<O::Reply>), Error> {
        let first = self.application()?;
        match first.call(request, &[]) {
            Err(Error::DeviceRemoved | Error::SessionHandleInvalid) => {}
            outcome => return outcome.map(|reply| (first, reply)),
        }
        let second = self.application()?;
        let reply = second.call(request, &[])?;
        Ok((second, reply))
    }

    /// The present application, if its daemon was there when last heard of.
    pub(crate) fn present(&self) -> Option<Arc<Application>> {
        let current = self.read();
        current.application.as_ref().filter(|application| !application.is_lost()).cloned()
    }

    /// Forgets the application; its sockets close when the last call is out of it. There is no other from here on.
    pub(crate) fn close(&self) {
        let mut current = self.write();
        current.is_open = false;
        let closed = current.application.take();
        drop(current);
        // Whatever goes with it goes without the lock.
        drop(closed);
    }

    /// What a forked child finds, unless a thread that it does not have was changing it.
    pub(crate) fn inherited(&self) -> Option<Arc<Application>> {
        self.current.try_read().ok()?.application.clone()
    }

    fn read(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Current> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Application {
    /// Sends a request and waits for its reply; a daemon that was lost on the way stays lost.
    pub(crate) fn call<O: Operation>(
        &self,
        request: &O,
        payload: &[u8],
    ) -> Result<Reply<O::Reply>, Error> {
        if self.is_lost() {
            return Err(Error::SessionHandleInvalid);
        }
        self.client.call(request, payload).map_err(|error| self.failure(&error))
    }

    /// Ends all sessions with a slot's token. A daemon that does not answer in time ends them when the sockets close.
    pub(crate) fn end_sessions(&self, slot: u32) {
        let deadline = Some(Instant::now() + PATIENCE);
        let options = CallOptions { deadline, ..CallOptions::default() };
        if !self.is_lost() {
            // The sockets are closed next, whatever it answers.
            let _ = self.client.call_with(&CloseAllSessions { slot }, &[], options);
        }
    }

    fn failure(&self, error: &coffer_client::Error) -> Error {
        use coffer_client::Error as Failed;
        match error {
            Failed::Refused { failure, .. } if failure.part != 0 => {
                return Error::RefusedPart(failure.code(), failure.part);
            }
            Failed::Refused { failure, .. } => return Error::Refused(failure.code()),
            // A further socket could not be had, for want of descriptors perhaps; the daemon is there.
            Failed::Unreachable(cause) if !is_absence(cause.kind()) => return Error::DeviceError,
            Failed::Unreachable(_)
            | Failed::Untrusted { .. }
            | Failed::Lost(_)
            | Failed::Protocol(_)
            | Failed::GoAway(_) => {}
        }
        self.lost.store(true, Ordering::Release);
        Error::DeviceRemoved
    }

    /// Reads the events that came, and forgets what they say has changed.
    pub(crate) fn drain_events(&self) {
        for event in self.client.drain_events() {
            match event {
                Event::ObjectChanged(changed) => self.keys.forget_id(&changed.object),
                Event::TokenChanged(changed) => {
                    self.keys.forget_slot(changed.slot);
                    self.token_changes.fetch_add(1, Ordering::AcqRel);
                }
                // For those who follow alarms.
                Event::AlarmRaised(_) => {}
                Event::Missed => {
                    self.keys.forget_all();
                    self.token_changes.fetch_add(1, Ordering::AcqRel);
                }
            }
        }
    }

    /// A descriptor that is readable when an event came.
    pub(crate) fn event_descriptor(&self) -> Option<OwnedFd> {
        self.client.event_descriptor()
    }

    /// How many changes of tokens the drained events told of, or may have missed.
    pub(crate) fn token_changes(&self) -> u64 {
        self.token_changes.load(Ordering::Acquire)
    }

    /// Whether the daemon that it was in is gone.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// What may be done with weak keys in that daemon.
    pub(crate) fn weak_keys(&self) -> WeakKeys {
        WeakKeys::from_number(self.client.welcome().weak_keys)
    }

    /// Which application of this process it is; handles of others mean nothing to it.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// The application in the client library, for a forked child that gives its sockets up.
    pub(crate) fn client(&self) -> &coffer_client::Application {
        &self.client
    }
}

/// Whether nobody listens.
fn is_absence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

/// Who waits for a daemon that is being started, where systemd holds the socket, has to be patient once; a daemon that
/// was waited for in vain hangs, and while a thread waits for it, other threads' calls for slots wait as well.
fn open(
    socket: &Path,
    was_silent: bool,
) -> Result<coffer_client::Application, coffer_client::Error> {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or(OsStr::new("pkcs11"));
    let options = ConnectOptions::new(Role::Application, name.to_string_lossy());
    let attempt = if was_silent { Attempt::Short } else { Attempt::Usual };
    let options = ConnectOptions { attempt, ..options };
    coffer_client::Application::open(socket, &options)
}
