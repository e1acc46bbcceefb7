//! One connection to the daemon: the handshake, calls, and events.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::path::Path;
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::frame::{Flags, Header, Kind, decode_meta, encode_meta};
use coffer_protocol::operation::Operation;
use zeroize::Zeroizing;

use crate::Error;
use crate::channel::{Channel, Frame, Until};
pub use crate::event::{Event, Wait};
use crate::event::{read_event, read_farewell};
pub use crate::handshake::{ConnectOptions, Role, Welcome};
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
        let socket = socket::connect(path, HANDSHAKE_LIMIT).map_err(Error::Unreachable)?;
        Self::over(socket, options)
    }

    /// Says Hello on a connected socket.
    pub(crate) fn over(socket: OwnedFd, options: &ConnectOptions) -> Result<Self, Error> {
        if options.check_listener {
            socket::check_listener(&socket)?;
        }
        let mut channel = Channel::new(socket);
        let welcome = shake_hands(&mut channel, options).map_err(|error| match error {
            Error::Lost(cause) => Error::Unreachable(cause),
            other => other,
        })?;
        socket::set_send_limit(channel.socket(), SEND_LIMIT).map_err(Error::Unreachable)?;
        let (state, events) = (State::Ready, VecDeque::new());
        Ok(Self { channel, welcome, state, last_request: 0, events })
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
        let Frame { header, meta, payload } = self.answer(request, flags, payload)?;
        let meta =
            decode_meta(&meta).map_err(|_| self.broken(Error::Protocol("a reply's metadata")))?;
        Ok(Reply { meta, payload, request_id: header.request_id })
    }

    /// Asks whether a request would succeed, and returns its number; nothing is changed.
    ///
    /// The fields of the reply, most of which a request that was not carried out does not have, are not read.
    pub fn dry_run<O: Operation>(&mut self, request: &O, payload: &[u8]) -> Result<u64, Error> {
        Ok(self.answer(request, Flags::DRY_RUN, payload)?.header.request_id)
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

    pub(crate) fn descriptor(&self) -> RawFd {
        self.channel.descriptor()
    }

    /// The frame of a successful reply.
    fn answer<O: Operation>(
        &mut self,
        request: &O,
        flags: Flags,
        payload: &[u8],
    ) -> Result<Frame, Error> {
        let meta = Zeroizing::new(encode_meta(request).map_err(refused_here)?);
        let reply = self.exchange(O::ROW.number, flags, &meta, payload)?;
        if !reply.header.flags.contains(Flags::FAILED) {
            return Ok(reply);
        }
        let failure = decode_meta::<Failure>(&reply.meta)
            .map_err(|_| self.broken(Error::Protocol("a failure's metadata")))?;
        Err(Error::Refused { failure, request_id: reply.header.request_id })
    }

    fn exchange(
        &mut self,
        operation: u16,
        flags: Flags,
        meta: &[u8],
        payload: &[u8],
    ) -> Result<Frame, Error> {
        self.check_ready()?;
        let header = Header {
            kind: Kind::Request,
            operation,
            flags,
            descriptors: 0,
            meta_length: bounded(meta, self.welcome.max_meta)?,
            payload_length: bounded(payload, self.welcome.max_payload)?,
            request_id: self.last_request + 1,
        };
        self.last_request += 1;
        // Until the reply is whole, a panic or an error leaves the stream inside a frame.
        self.state = State::Broken;
        if let Err(error) = self.channel.send(&header, meta, payload) {
            return Err(self.farewell(error));
        }
        let reply = self.read_reply(&header)?;
        self.state = State::Ready;
        Ok(reply)
    }

    fn read_reply(&mut self, request: &Header) -> Result<Frame, Error> {
        loop {
            let frame = self.channel.receive(Until::Forever)?;
            match frame.header.kind {
                Kind::Reply => {
                    let fits = frame.header.request_id == request.request_id
                        && frame.header.operation == request.operation;
                    let wrong = Error::Protocol("a reply to another request");
                    return if fits { Ok(frame) } else { Err(wrong) };
                }
                Kind::Event | Kind::GoAway => {
                    let event = read_event(&frame)?;
                    self.keep(event);
                }
                Kind::Request | Kind::Cancel => {
                    return Err(Error::Protocol("a frame that only clients send"));
                }
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

fn bounded(bytes: &[u8], limit: u32) -> Result<u32, Error> {
    match u32::try_from(bytes.len()) {
        Ok(length) if length <= limit => Ok(length),
        _ => Err(refused_here(ErrorCode::TooLarge)),
    }
}

fn refused_here(code: ErrorCode) -> Error {
    Error::Refused { failure: code.into(), request_id: 0 }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
