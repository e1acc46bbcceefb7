//! Frames of one connection: read into secret memory, one after the other, each within its deadline.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use coffer_protocol::ErrorCode;
use coffer_protocol::frame::{HEADER_LENGTH, Header};
use coffer_protocol::operation;
use coffer_protocol::patience::Patience;
use zeroize::Zeroizing;

use crate::bulk;
use crate::object::Keyring;
use crate::permits::{Permit, Permits};
use crate::service::{Outgoing, Payload, ReplyPayload};
use crate::vault::Buffer;

/// A started frame must be complete within this.
const FRAME_DEADLINE: Duration = Duration::from_secs(10);
/// The buffer that every connection has in secret memory.
const INBOX: usize = 4 << 10;
/// Most bytes of a frame whose payload is secret.
const MAX_SECRET_FRAME: usize = 192 << 10;
/// How much room the body of a large frame has at first.
const FIRST_ROOM: usize = 64 << 10;
/// Secret frames up to this take other turns than larger ones.
const MODEST_FRAME: usize = 8 << 10;
/// Turns for secret frames that are read beside the inbox: peers that announce them and send nothing must not fill
/// the arena.
static MODEST_FRAMES: LazyLock<Permits> = LazyLock::new(|| Permits::new(32));
static LARGE_FRAMES: LazyLock<Permits> = LazyLock::new(|| Permits::new(4));
/// Turns for other frames with more than [`FIRST_ROOM`], and their replies: so much of the heap do they take together.
static BULK_FRAMES: LazyLock<Permits> = LazyLock::new(|| Permits::new(64));

/// Why no further frame can be read.
#[derive(Debug)]
pub(super) enum Ended {
    /// The peer closed the connection, or a deadline passed, or the socket broke.
    Closed,
    /// The peer broke the protocol.
    Broken(ErrorCode),
}

impl From<io::Error> for Ended {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// The reading side of a connection.
pub(super) struct Frames<'s> {
    stream: &'s UnixStream,
    /// What makes room in secret memory.
    keyring: &'s Keyring,
    /// Whose turns its frames take.
    uid: u32,
    inbox: Buffer,
    filled: usize,
    patience: Patience,
}

/// A frame: its header, and where its body is.
pub(super) struct Frame {
    pub(super) header: Header,
    body: Body,
}

enum Body {
    /// In the connection's inbox, behind the header.
    Inbox,
    /// In a larger buffer of secret memory, without the header.
    Secret {
        buffer: Buffer,
        /// Given back with the buffer.
        _turn: Permit<'static>,
    },
    /// On the ordinary heap: bulk data that is no secret of the vault.
    Plain {
        bytes: Zeroizing<Vec<u8>>,
        /// Given back when the reply is out.
        _turn: Option<Permit<'static>>,
    },
}

impl<'s> Frames<'s> {
    pub(super) fn new(
        stream: &'s UnixStream,
        keyring: &'s Keyring,
        uid: u32,
    ) -> Result<Self, Ended> {
        let inbox = keyring.buffer(INBOX).map_err(|error| Ended::Broken(error.code()))?;
        Ok(Self { stream, keyring, uid, inbox, filled: 0, patience: Patience::default() })
    }

    /// Waits for the next frame, as long as it takes to begin.
    pub(super) fn next(&mut self) -> Result<Frame, Ended> {
        while self.filled == 0 {
            self.await_next()?;
        }
        let deadline = Instant::now() + FRAME_DEADLINE;
        let header = self.header(deadline)?;
        let total = HEADER_LENGTH + header.body_length();
        let body = if total <= INBOX {
            self.fill(total, deadline)?;
            Body::Inbox
        } else {
            self.large(&header, deadline)?
        };
        Ok(Frame { header, body })
    }

    /// Waits for the first frame, which must be complete at the deadline and fit the inbox: a stranger gets no
    /// more secret memory than that.
    pub(super) fn first(&mut self, deadline: Instant) -> Result<Frame, Ended> {
        let header = self.header(deadline)?;
        let total = HEADER_LENGTH + header.body_length();
        if total > INBOX {
            return Err(Ended::Broken(ErrorCode::TooLarge));
        }
        self.fill(total, deadline)?;
        Ok(Frame { header, body: Body::Inbox })
    }

    fn header(&mut self, deadline: Instant) -> Result<Header, Ended> {
        self.fill(HEADER_LENGTH, deadline)?;
        let mut bytes = [0; HEADER_LENGTH];
        bytes.copy_from_slice(self.inbox.public(0..HEADER_LENGTH));
        Header::decode(&bytes).map_err(Ended::Broken)
    }

    /// Forgets a frame that was answered; what was read beyond it moves to the front.
    pub(super) fn done(&mut self, frame: Frame) {
        let used = match frame.body {
            Body::Inbox => HEADER_LENGTH + frame.header.body_length(),
            Body::Plain { bytes, .. } => return bulk::give_back(bytes),
            Body::Secret { .. } => return,
        };
        let filled = self.filled;
        self.inbox.public_mut(0..filled).copy_within(used..filled, 0);
        self.filled = filled - used;
        self.inbox.wipe(self.filled..filled);
    }

    /// The metadata and payload of a frame.
    pub(super) fn parts<'f>(&'f self, frame: &'f Frame) -> (&'f [u8], Payload<'f>) {
        let meta = frame.header.meta_length as usize;
        let end = frame.header.body_length();
        let secret = is_secret(&frame.header);
        let in_buffer = |buffer: &'f Buffer, start: usize| {
            let payload: Range<usize> = start + meta..start + end;
            let payload = if secret {
                Payload::Secret(buffer, payload)
            } else {
                Payload::Plain(buffer.public(payload))
            };
            (buffer.public(start..start + meta), payload)
        };
        match &frame.body {
            Body::Inbox => in_buffer(&self.inbox, HEADER_LENGTH),
            Body::Secret { buffer, .. } => in_buffer(buffer, 0),
            Body::Plain { bytes, .. } => (&bytes[..meta], Payload::Plain(&bytes[meta..])),
        }
    }

    /// Reads a body that the inbox cannot hold.
    fn large(&mut self, header: &Header, deadline: Instant) -> Result<Body, Ended> {
        let length = header.body_length();
        let here = HEADER_LENGTH..self.filled;
        if is_secret(header) {
            if length > MAX_SECRET_FRAME || operation::find(header.operation).is_none() {
                return Err(Ended::Broken(ErrorCode::TooLarge));
            }
            let turns = if length > MODEST_FRAME { &LARGE_FRAMES } else { &MODEST_FRAMES };
            let turn = turns.acquire(self.uid);
            let deadline = Instant::now() + FRAME_DEADLINE;
            let mut buffer =
                self.keyring.buffer(length).map_err(|error| Ended::Broken(error.code()))?;
            let mut filled = here.len();
            buffer.public_mut(0..filled).copy_from_slice(self.inbox.public(here));
            self.take_all();
            while filled < length {
                self.wait(deadline)?;
                filled += some(buffer.receive(self.stream.as_fd(), filled))?;
            }
            self.stream.set_read_timeout(None)?;
            return Ok(Body::Secret { buffer, _turn: turn });
        }
        let turn = (length > FIRST_ROOM).then(|| BULK_FRAMES.acquire(self.uid));
        let deadline = if turn.is_some() { Instant::now() + FRAME_DEADLINE } else { deadline };
        let mut bytes = bulk::buffer(length);
        let mut filled = here.len();
        bytes.extend_from_slice(self.inbox.public(here));
        self.take_all();
        while filled < length {
            // What was only claimed takes no memory: room is made as bytes come.
            bytes.resize(length.min(filled + filled.max(FIRST_ROOM)), 0);
            self.wait(deadline)?;
            let mut stream = self.stream;
            filled += some(io::Read::read(&mut stream, &mut bytes[filled..]))?;
        }
        self.stream.set_read_timeout(None)?;
        Ok(Body::Plain { bytes, _turn: turn })
    }

    fn take_all(&mut self) {
        let filled = std::mem::take(&mut self.filled);
        self.inbox.wipe(0..filled);
    }

    fn fill(&mut self, wanted: usize, deadline: Instant) -> Result<(), Ended> {
        let mut timed = false;
        while self.filled < wanted {
            self.wait(deadline)?;
            timed = true;
            self.receive()?;
        }
        if timed {
            self.stream.set_read_timeout(None)?;
        }
        Ok(())
    }

    /// Waits for the first bytes of a frame.
    fn await_next(&mut self) -> Result<(), Ended> {
        let Self { stream, inbox, patience, .. } = self;
        let inbox = RefCell::new(inbox);
        let read = patience.wait(
            || match inbox.borrow_mut().receive_now(stream.as_fd(), 0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                read => Some(read),
            },
            || inbox.borrow_mut().receive(stream.as_fd(), 0),
        );
        self.filled = some(read)?;
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Ended> {
        self.filled += some(self.inbox.receive(self.stream.as_fd(), self.filled))?;
        Ok(())
    }

    /// Lets the next read wait until the deadline only.
    fn wait(&self, deadline: Instant) -> Result<(), Ended> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Ended::Closed);
        }
        Ok(self.stream.set_read_timeout(Some(left))?)
    }
}

/// Whether the operation's row says that the request's payload is secret. An unknown operation is kept in secret
/// memory too, and must fit the inbox.
fn is_secret(header: &Header) -> bool {
    operation::find(header.operation).is_none_or(|row| row.secret.in_request())
}

/// Bytes of a read; none is the end, and an interruption is none at all.
fn some(read: io::Result<usize>) -> Result<usize, Ended> {
    match read {
        Ok(0) => Err(Ended::Closed),
        Ok(count) => Ok(count),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Writes a frame: header and metadata in front, then the payload from where it is.
pub(super) fn write(
    stream: &UnixStream,
    header: &mut Header,
    outgoing: Outgoing,
) -> io::Result<()> {
    let too_large = |_| io::Error::from(ErrorKind::InvalidData);
    header.flags = outgoing.flags;
    header.meta_length = u32::try_from(outgoing.meta.len()).map_err(too_large)?;
    let front = |header: &Header| [&header.encode()[..], &outgoing.meta].concat();
    match outgoing.payload {
        ReplyPayload::None => {
            header.payload_length = 0;
            write_all(stream, &front(header), &[])
        }
        ReplyPayload::Plain(payload) => {
            header.payload_length = u32::try_from(payload.len()).map_err(too_large)?;
            write_all(stream, &front(header), &payload)?;
            bulk::give_back(payload);
            Ok(())
        }
        ReplyPayload::Secret(reply) => {
            header.payload_length = u32::try_from(reply.len()).map_err(too_large)?;
            let (buffer, mut range, _memory) = reply
                .into_frame(&front(header))
                .map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
            while !range.is_empty() {
                range.start += buffer.send(stream.as_fd(), range.clone())?;
            }
            Ok(())
        }
    }
}

fn write_all(mut stream: &UnixStream, front: &[u8], payload: &[u8]) -> io::Result<()> {
    let mut slices = [IoSlice::new(front), IoSlice::new(payload)];
    let mut rest = &mut slices[..];
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match stream.write_vectored(rest) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
