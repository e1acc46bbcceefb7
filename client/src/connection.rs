//! One connection to the daemon: the handshake, calls, and events.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use coffer_protocol::frame::{Flags, Header, Kind};
use coffer_protocol::operation::Operation;
use zeroize::Zeroizing;

use crate::Error;
use crate::channel::{Channel, Frame, Until};
use crate::descriptor::Noted;
pub use crate::event::{Event, Wait};
use crate::event::{read_event, read_farewell};
use crate::exchange::{self, Incoming};
pub use crate::handshake::{Attempt, ConnectOptions, Role, Welcome};
use crate::handshake::{HANDSHAKE_LIMIT, shake_hands};
use crate::socket;

/// The daemon drops a frame that takes longer than this to arrive.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// Events that are kept while nobody asks for them.
const KEPT_EVENTS: usize = 1024;

/// How to make one call.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallOptions {
    /// Checks everything, changes nothing.
    pub dry_run: bool,
    /// When to give the reply up, and the connection with it.
    pub deadline: Option<Instant>,
}

/// What a successful call returns.
#[derive(Debug)]
pub struct Reply<T> {
    /// The reply's fields.
    pub meta: T,
    /// Its bulk or secret bytes; wiped when dropped.
    pub payload: Zeroizing<Vec<u8>>,
    /// The number of the request on its connection.
    pub request_id: u64,
}

/// One socket, blocking, with one request in flight at a time.
///
/// ```no_run
/// use coffer_client::connection::{ConnectOptions, Connection, Role};
/// use coffer_protocol::operation::kms::GenerateRandom;
///
/// let options = ConnectOptions::new(Role::Service, "example");
/// let mut connection = Connection::open(&coffer_client::socket::app_path(), &options)?;
/// let random = connection.call(&GenerateRandom { length: 16 }, &[])?;
/// assert_eq!(random.payload.len(), 16);
/// # Ok::<(), coffer_client::Error>(())
/// ```
pub struct Connection {
    channel: Channel,
    welcome: Welcome,
    state: State,
    last_request: u64,
    was_sent: bool,
    events: VecDeque<Event>,
}

/// Whether the stream stands between two frames.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    Broken,
}

impl Connection {
    /// Connects and says Hello.
    pub fn open(path: &Path, options: &ConnectOptions) -> Result<Self, Error> {
        Self::open_by(path, options, Instant::now() + HANDSHAKE_LIMIT)
    }

    /// Connects and says Hello, until that moment.
    pub(crate) fn open_by(
        path: &Path,
        options: &ConnectOptions,
        deadline: Instant,
    ) -> Result<Self, Error> {
        let limit = deadline.saturating_duration_since(Instant::now());
        let socket = socket::connect(path, limit).map_err(Error::Unreachable)?;
        Self::over(socket, options, deadline)
    }

    /// Says Hello on a connected socket.
    fn over(socket: OwnedFd, options: &ConnectOptions, deadline: Instant) -> Result<Self, Error> {
        if options.check_listener {
            socket::check_listener(&socket)?;
        }
        let mut channel = Channel::new(socket);
        let welcome =
            shake_hands(&mut channel, options, deadline).map_err(|error| match error {
                Error::Lost(cause) => Error::Unreachable(cause),
                other => other,
            })?;
        socket::set_send_limit(channel.socket(), SEND_LIMIT).map_err(Error::Unreachable)?;
        let (state, events) = (State::Ready, VecDeque::new());
        Ok(Self { channel, welcome, state, last_request: 0, was_sent: false, events })
    }

    /// What the daemon said at the start.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// The text by which the audit log names a request of this connection.
    pub fn request_id_text(&self, request_id: u64) -> String {
        coffer_protocol::handshake::request_id(
            &self.welcome.instance,
            self.welcome.connection,
            request_id,
        )
    }

    /// The number of the request that was sent last; 0 before the first.
    pub fn last_request_id(&self) -> u64 {
        self.last_request
    }

    /// Sends a request and waits for its reply.
    pub fn call<O: Operation>(
        &mut self,
        request: &O,
        payload: &[u8],
    ) -> Result<Reply<O::Reply>, Error> {
        self.call_with(request, payload, CallOptions::default())
    }

    /// Sends a request with options and waits for its reply.
    pub fn call_with<O: Operation>(
        &mut self,
        request: &O,
        payload: &[u8],
        options: CallOptions,
    ) -> Result<Reply<O::Reply>, Error> {
        let flags = if options.dry_run { Flags::DRY_RUN } else { Flags::NONE };
        let reply = self.answer(request, flags, payload, options.deadline)?;
        let meta = exchange::fields(&reply).map_err(|error| self.broken(error))?;
        Ok(Reply { meta, payload: reply.payload, request_id: reply.header.request_id })
    }

    /// Asks whether a request would succeed, and returns its number; nothing is changed.
    ///
    /// The fields of the reply, most of which a request that was not carried out does not have, are not read.
    pub fn dry_run<O: Operation>(&mut self, request: &O, payload: &[u8]) -> Result<u64, Error> {
        self.ask(request, payload, None)
    }

    /// The same, until a moment.
    pub(crate) fn ask<O: Operation>(
        &mut self,
        request: &O,
        payload: &[u8],
        deadline: Option<Instant>,
    ) -> Result<u64, Error> {
        Ok(self.answer(request, Flags::DRY_RUN, payload, deadline)?.header.request_id)
    }

    /// The next event, for connections of [`Role::Events`].
    pub fn next_event(&mut self, wait: Wait) -> Result<Option<Event>, Error> {
        if let Some(event) = self.events.pop_front() {
            return Ok(Some(event));
        }
        self.check_ready()?;
        let until = match wait {
            Wait::No => Until::Now,
            Wait::Forever => Until::Forever,
            Wait::For(time) => Until::At(Instant::now() + time),
        };
        match self.channel.receive(until) {
            Ok(frame) => read_event(&frame).map(Some).map_err(|error| self.broken(error)),
            Err(Error::Lost(cause)) if is_timeout(&cause) => Ok(None),
            Err(error) => Err(self.broken(error)),
        }
    }

    /// Whether another call can be made.
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// Another descriptor of the same socket.
    pub(crate) fn duplicate(&self) -> std::io::Result<OwnedFd> {
        self.channel.socket().try_clone()
    }

    pub(crate) fn noted(&self) -> Noted {
        self.channel.noted()
    }

    /// Closes the socket without a word to the daemon, unless something else has its descriptor by now.
    pub(crate) fn abandon(self) {
        if !self.noted().is_same() {
            // What is open there now is somebody else's.
            std::mem::forget(self);
        }
    }

    /// Whether all of the last request went out; one of which a byte is missing is not carried out.
    pub(crate) fn was_sent(&self) -> bool {
        self.was_sent
    }

    /// The frame of a successful reply.
    fn answer<O: Operation>(
        &mut self,
        request: &O,
        flags: Flags,
        payload: &[u8],
        deadline: Option<Instant>,
    ) -> Result<Frame, Error> {
        self.was_sent = false;
        let meta = exchange::encode(request)?;
        self.check_ready()?;
        let id = self.last_request + 1;
        let parts = (&meta[..], payload);
        let header = exchange::header(&self.welcome, O::ROW.number, flags, parts, id)?;
        self.last_request = id;
        // Until the reply is whole, a panic or an error leaves the stream inside a frame.
        self.state = State::Broken;
        if let Err(error) = self.channel.send(&header, &meta, payload) {
            return Err(self.farewell(error));
        }
        self.was_sent = true;
        let reply = self.read_reply(&header, deadline.map_or(Until::Forever, Until::By))?;
        self.state = State::Ready;
        exchange::success(reply)
            .map_err(|error| if error.is_final() { self.broken(error) } else { error })
    }

    fn read_reply(&mut self, request: &Header, until: Until) -> Result<Frame, Error> {
        loop {
            match exchange::sort(self.channel.receive(until)?, request)? {
                Incoming::Reply(frame) => return Ok(frame),
                Incoming::Event(event) => self.keep(event),
            }
        }
    }

    fn keep(&mut self, event: Event) {
        if self.events.len() == KEPT_EVENTS {
            self.events.clear();
            self.events.push_back(Event::Missed);
        }
        self.events.push_back(event);
    }

    /// What the daemon said before it closed, or the error of writing to it.
    fn farewell(&mut self, error: io::Error) -> Error {
        loop {
            match self.channel.receive(Until::Now) {
                Ok(frame) if frame.header.kind == Kind::GoAway => return read_farewell(&frame),
                Ok(_) => {}
                Err(_) => return Error::Lost(error),
            }
        }
    }

    fn check_ready(&self) -> Result<(), Error> {
        match self.state {
            State::Ready => Ok(()),
            State::Broken => Err(Error::Lost(io::ErrorKind::NotConnected.into())),
        }
    }

    fn broken(&mut self, error: Error) -> Error {
        self.state = State::Broken;
        error
    }
}

impl AsFd for Connection {
    /// To wait for events together with other things: readable means that [`Connection::next_event`] should be asked
    /// until it has none.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.socket().as_fd()
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
