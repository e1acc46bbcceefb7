//! Sockets attached to one application: one is lent per call, none belongs to a thread.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::Error;
use crate::connection::{ConnectOptions, Connection};
use crate::descriptor::Noted;

/// Most sockets of one application; further calls wait for one.
pub const MAX_SOCKETS: usize = 64;

/// Sockets attached to one application.
pub(crate) struct Pool {
    path: PathBuf,
    options: ConnectOptions,
    instance: [u8; 16],
    sockets: Mutex<Sockets>,
    returned: Condvar,
}

/// Both lists have their full capacity from the start, so that a process that forks while another thread
/// changes one finds it in memory.
struct Sockets {
    idle: Vec<Connection>,
    /// Descriptors of sockets that calls use now.
    lent: Vec<Noted>,
    /// Sockets that are being connected now.
    opening: usize,
    /// Calls that wait for a socket to come back.
    waiting: usize,
}

/// A socket for one call; it goes back when dropped, unless it broke.
pub(crate) struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Pool {
    /// A pool that begins with `first`, and whose further sockets attach to its application.
    pub(crate) fn new(path: &Path, first: Connection, mut options: ConnectOptions) -> Self {
        options.attach = Some(first.welcome().attach_token);
        let instance = first.welcome().instance;
        let mut idle = Vec::with_capacity(MAX_SOCKETS);
        idle.push(first);
        let sockets =
            Sockets { idle, lent: Vec::with_capacity(MAX_SOCKETS), opening: 0, waiting: 0 };
        let (sockets, returned) = (Mutex::new(sockets), Condvar::new());
        Self { path: path.to_owned(), options, instance, sockets, returned }
    }

    /// Lends a socket: an idle one, else a new one, else the next that comes back.
    pub(crate) fn lend(&self) -> Result<Lease<'_>, Error> {
        let mut sockets = self.lock();
        loop {
            if let Some(connection) = sockets.idle.pop() {
                sockets.lent.push(connection.noted());
                return Ok(Lease { pool: self, connection: Some(connection) });
            }
            if sockets.lent.len() + sockets.opening < MAX_SOCKETS {
                break;
            }
            sockets.waiting += 1;
            sockets = self.returned.wait(sockets).unwrap_or_else(PoisonError::into_inner);
            sockets.waiting -= 1;
        }
        sockets.opening += 1;
        drop(sockets);
        let opened = self.attach(&self.options);
        let mut sockets = self.lock();
        sockets.opening -= 1;
        if let Ok(connection) = &opened {
            sockets.lent.push(connection.noted());
        } else {
            self.returned.notify_one();
        }
        drop(sockets);
        opened.map(|connection| Lease { pool: self, connection: Some(connection) })
    }

    /// Opens a socket that is attached to the application.
    ///
    /// A daemon that was started anew knows nothing of the application, whatever it answers.
    pub(crate) fn attach(&self, options: &ConnectOptions) -> Result<Connection, Error> {
        let connection = Connection::open(&self.path, options)?;
        if connection.welcome().instance == self.instance {
            Ok(connection)
        } else {
            Err(Error::Lost(io::ErrorKind::ConnectionReset.into()))
        }
    }

    /// The token and further options with which sockets attach.
    pub(crate) fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Closes every descriptor, those of calls of threads that this process does not have too.
    pub(crate) fn abandon(self) {
        let sockets = self.sockets.into_inner().unwrap_or_else(PoisonError::into_inner);
        for noted in sockets.lent.into_iter().filter(|noted| noted.is_same()) {
            // The owner is on the stack of a thread that was not forked, so nobody else closes it.
            let _ = nix::unistd::close(noted.descriptor());
        }
        sockets.idle.into_iter().for_each(Connection::abandon);
    }

    fn give_back(&self, connection: Connection) {
        let mut sockets = self.lock();
        let noted = connection.noted();
        sockets.lent.retain(|lent| *lent != noted);
        let closed = if connection.is_ready() {
            sockets.idle.push(connection);
            Vec::new()
        } else {
            // The others broke with it, or will be opened again at the cost of one handshake.
            let mut closed: Vec<_> = sockets.idle.drain(..).collect();
            closed.push(connection);
            closed
        };
        let is_awaited = sockets.waiting > 0;
        drop(sockets);
        drop(closed);
        // Waking nobody costs a system call too.
        if is_awaited {
            self.returned.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lease<'_> {
    /// The socket.
    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a lease has its socket until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.give_back(connection);
        }
    }
}
