//! A PKCS#11 application: any number of threads call it, over a pool of sockets, and see its change events.
//!
//! The daemon keeps sessions and handles per application, not per socket.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use coffer_protocol::operation::Operation;

use crate::Error;
use crate::connection::{
    Attempt, CallOptions, ConnectOptions, Connection, Event, Reply, Role, Wait, Welcome,
};
pub use crate::pool::MAX_SOCKETS;
use crate::pool::Pool;

/// An application with its sockets.
///
/// ```no_run
/// use coffer_client::{Application, ConnectOptions, Role};
/// use coffer_protocol::operation::token::ListTokens;
///
/// let options = ConnectOptions::new(Role::Application, "example");
/// let application = Application::open(&coffer_client::socket::app_path(), &options)?;
/// for token in application.call(&ListTokens {}, &[])?.meta.tokens {
///     println!("{}: {}", token.slot, token.label);
/// }
/// # Ok::<(), coffer_client::Error>(())
/// ```
pub struct Application {
    pool: Pool,
    welcome: Welcome,
    events: Mutex<Option<Connection>>,
    frames_sent: AtomicU64,
}

impl Application {
    /// Makes an application in the daemon, and opens its connection for events.
    pub fn open(path: &Path, options: &ConnectOptions) -> Result<Self, Error> {
        let options = ConnectOptions { role: Role::Application, attach: None, ..options.clone() };
        let first = Connection::open(path, &options)?;
        let welcome = first.welcome().clone();
        let attempt = options.attempt;
        // Where the daemon has answered once, a further socket has its usual time.
        let pool = Pool::new(path, first, ConnectOptions { attempt: Attempt::Usual, ..options });
        let events = Mutex::new(Some(open_events(&pool, attempt)?));
        Ok(Self { pool, welcome, events, frames_sent: AtomicU64::new(0) })
    }

    /// What the daemon said at the start.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Sends a request and waits for its reply.
    pub fn call<O: Operation>(
        &self,
        request: &O,
        payload: &[u8],
    ) -> Result<Reply<O::Reply>, Error> {
        self.call_with(request, payload, CallOptions::default())
    }

    /// Sends a request with options and waits for its reply.
    pub fn call_with<O: Operation>(
        &self,
        request: &O,
        payload: &[u8],
        options: CallOptions,
    ) -> Result<Reply<O::Reply>, Error> {
        let mut lease = self.pool.lend()?;
        self.frames_sent.fetch_add(1, Ordering::Relaxed);
        lease.connection().call_with(request, payload, options)
    }

    /// The events that came since the last call, without waiting for more.
    ///
    /// A broken connection for events is opened anew, and [`Event::Missed`] stands for what it may have lost.
    pub fn drain_events(&self) -> Vec<Event> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let mut drained = Vec::new();
        if events.is_none() {
            drained.push(Event::Missed);
            *events = open_events(&self.pool, Attempt::Usual).ok();
        }
        while let Some(connection) = events.as_mut() {
            match connection.next_event(Wait::No) {
                Ok(Some(event)) => drained.push(event),
                Ok(None) => break,
                Err(_) => {
                    drained.push(Event::Missed);
                    *events = None;
                }
            }
        }
        drained
    }

    /// A descriptor of the connection for events that can be polled: it is readable when an event came or the
    /// connection broke. `None` where there is no such connection now.
    pub fn event_descriptor(&self) -> Option<OwnedFd> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.as_ref()?.duplicate().ok()
    }

    /// How many request frames were sent, handshakes not counted.
    pub fn frames_sent(&self) -> u64 {
        self.frames_sent.load(Ordering::Relaxed)
    }

    /// Closes the descriptors without a word to the daemon: for the child of a fork, whose parent goes on
    /// using the same sockets. What the child has opened in their place stays open.
    pub fn abandon(self) {
        self.pool.abandon();
        let events = self.events.into_inner().unwrap_or_else(PoisonError::into_inner);
        events.into_iter().for_each(Connection::abandon);
    }
}

fn open_events(pool: &Pool, attempt: Attempt) -> Result<Connection, Error> {
    pool.attach(&ConnectOptions { role: Role::Events, attempt, ..pool.options().clone() })
}
