//! Both sockets: accepting, limits, one thread per connection, and a stop that loses nothing.
//!
//! tokio accepts, times and hears signals on the main thread, which never touches a secret. A connection has a
//! thread of its own with all signals blocked: it executes each request where it read it.

mod connection;
mod frames;
mod handshake;
mod listen;
mod peer;

pub use listen::Listeners;

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coffer_protocol::operation::Socket;
use nix::sys::socket::{Shutdown, shutdown};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::service::Service;
use crate::share::is_fair;
use crate::vault;
use peer::Peer;

/// Stack of a connection's thread; secrets have stacks of their own.
const STACK: usize = 256 << 10;
/// Connections that the admin socket has beside those of the limits, which peers of the other socket may use up:
/// whoever stops an abuse must get in.
const ADMIN_CONNECTIONS: usize = 16;
/// How long running requests may take after a stop was asked for.
const DRAIN: Duration = Duration::from_secs(5);

/// What connections share.
pub struct Server {
    service: Arc<Service>,
    next: AtomicU32,
    open: Mutex<HashMap<u32, Open>>,
    closed: Condvar,
}

#[derive(Debug)]
struct Open {
    uid: u32,
    place: Socket,
    socket: OwnedFd,
}

impl Server {
    /// A server of a service.
    pub fn new(service: Arc<Service>) -> Arc<Self> {
        Arc::new(Self {
            service,
            next: AtomicU32::new(1),
            open: Mutex::default(),
            closed: Condvar::new(),
        })
    }

    /// Accepts until SIGTERM or SIGINT, then drains. `ready` is called once it accepts.
    ///
    /// # Errors
    ///
    /// Where the sockets or signals cannot be registered with the runtime.
    pub fn run(
        self: &Arc<Self>,
        listeners: Listeners,
        ready: impl FnOnce(),
        mut reload: impl FnMut(),
    ) -> std::io::Result<()> {
        let Listeners { app, admin, removal: _removal } = listeners;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let app = UnixListener::from_std(app)?;
            let admin = UnixListener::from_std(admin)?;
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut hangup = signal(SignalKind::hangup())?;
            let mut tick = tokio::time::interval(watchdog_period());
            ready();
            loop {
                tokio::select! {
                    accepted = app.accept() => self.accepted(accepted, Socket::App),
                    accepted = admin.accept() => self.accepted(accepted, Socket::Admin),
                    _ = tick.tick() => notify(&[sd_notify::NotifyState::Watchdog]),
                    _ = hangup.recv() => {
                        let now = sd_notify::NotifyState::monotonic_usec_now();
                        notify(&[sd_notify::NotifyState::Reloading]);
                        if let Ok(now) = now { notify(&[now]); }
                        reload();
                        notify(&[sd_notify::NotifyState::Ready]);
                    }
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                }
            }
            Ok::<_, std::io::Error>(())
        })?;
        notify(&[sd_notify::NotifyState::Stopping]);
        self.drain();
        Ok(())
    }

    fn accepted(
        self: &Arc<Self>,
        accepted: std::io::Result<(tokio::net::UnixStream, tokio::net::unix::SocketAddr)>,
        socket: Socket,
    ) {
        let started = accepted
            .and_then(|(stream, _)| stream.into_std())
            .and_then(|stream| self.start(stream, socket));
        if let Err(error) = started {
            warn!(%error, "a connection was not served");
        }
    }

    /// Gives a connection its thread.
    fn start(self: &Arc<Self>, stream: UnixStream, socket: Socket) -> std::io::Result<()> {
        stream.set_nonblocking(false)?;
        let peer = Peer::of(&stream)?;
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let limits = self.service.limits();
        {
            let mut open = self.open();
            let here = || open.values().filter(|open| open.place == socket);
            let (all, of_uid) = (here().count(), here().filter(|o| o.uid == peer.uid).count());
            let full = match socket {
                Socket::Admin => all >= ADMIN_CONNECTIONS,
                Socket::App => {
                    of_uid >= limits.connections_per_uid
                        || !is_fair(of_uid, 1, all, limits.connections)
                }
            };
            if full {
                return Err(std::io::Error::other(format!(
                    "uid {} has {of_uid} of {all} connections; the limit is reached",
                    peer.uid,
                )));
            }
            let handle = stream.as_fd_owned()?;
            open.insert(id, Open { uid: peer.uid, place: socket, socket: handle });
        }
        let place = Place { server: Arc::clone(self), id };
        let spawned = std::thread::Builder::new()
            .name(format!("connection-{id}"))
            .stack_size(STACK)
            .spawn(move || {
                // All of it is moved in, so that the place is given up after the stream is closed.
                let (place, stream) = (place, stream);
                if vault::block_signals().is_ok() {
                    connection::serve(&place.server.service, &stream, &peer, socket, id);
                }
            });
        spawned.map(drop)
    }

    fn close(&self, id: u32) {
        self.open().remove(&id);
        self.closed.notify_all();
    }

    /// Lets running requests finish, then closes what is left.
    fn drain(&self) {
        let all: Vec<OwnedFd> =
            self.open().values().filter_map(|open| open.socket.try_clone().ok()).collect();
        info!(connections = all.len(), "stopping");
        for socket in &all {
            // No further request is read; the reply of a running one still goes out.
            let _ = shutdown(socket.as_raw_fd(), Shutdown::Read);
        }
        self.service.events.close();
        self.service.pins.stop();
        let open = self.open();
        let waited = self.closed.wait_timeout_while(open, DRAIN, |open| !open.is_empty());
        let (open, _) = waited.unwrap_or_else(PoisonError::into_inner);
        for left in open.values() {
            let _ = shutdown(left.socket.as_raw_fd(), Shutdown::Both);
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u32, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place among the open ones. It is given up with its thread, even where that panics or was never
/// made.
struct Place {
    server: Arc<Server>,
    id: u32,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.server.close(self.id);
    }
}

/// A second descriptor of a socket, to shut it down from another thread.
trait AsFdOwned {
    fn as_fd_owned(&self) -> std::io::Result<OwnedFd>;
}

impl AsFdOwned for UnixStream {
    fn as_fd_owned(&self) -> std::io::Result<OwnedFd> {
        use std::os::fd::AsFd;
        self.as_fd().try_clone_to_owned()
    }
}

fn notify(states: &[sd_notify::NotifyState<'_>]) {
    // Without systemd there is nobody to tell.
    let _ = sd_notify::notify(states);
}

/// Half of what systemd's watchdog allows; a minute without one.
fn watchdog_period() -> Duration {
    sd_notify::watchdog_enabled().map_or(Duration::from_mins(1), |limit| limit / 2)
}
