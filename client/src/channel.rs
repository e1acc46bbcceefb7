//! One Unix stream socket that carries frames. It knows their limits, not what is in them.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Instant;

use coffer_protocol::frame::{HEADER_LENGTH, Header};
use coffer_protocol::patience::Patience;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, sendmsg};
use zeroize::{Zeroize, Zeroizing};

use crate::descriptor::Noted;
use crate::{Error, bulk};

/// Frames up to this size come with one read and may be waited for with a deadline.
const BUFFER: usize = 8192;

/// How long to wait for a frame.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// Not at all.
    Now,
    /// Up to this moment; what was read of a frame is kept for the next call.
    At(Instant),
    /// Up to this moment, for a frame of any size; the stream may stand inside it afterwards.
    By(Instant),
    /// As long as the connection holds.
    Forever,
}

/// A frame that was read.
pub(crate) struct Frame {
    pub(crate) header: Header,
    pub(crate) meta: Zeroizing<Vec<u8>>,
    pub(crate) payload: Zeroizing<Vec<u8>>,
}

/// The socket, and what was read from it but not yet taken.
pub(crate) struct Channel {
    socket: OwnedFd,
    noted: Noted,
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    patience: Patience,
}

impl Channel {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self {
            noted: Noted::of(socket.as_raw_fd()),
            socket,
            buffer: Zeroizing::new(vec![0; BUFFER]),
            start: 0,
            end: 0,
            patience: Patience::default(),
        }
    }

    pub(crate) fn socket(&self) -> &OwnedFd {
        &self.socket
    }

    fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The descriptor, and which socket it is.
    pub(crate) fn noted(&self) -> Noted {
        self.noted
    }

    /// Sends one frame, with one system call unless the socket's buffer is smaller than the frame.
    pub(crate) fn send(&self, header: &Header, meta: &[u8], payload: &[u8]) -> io::Result<()> {
        let header = header.encode();
        let mut parts = [IoSlice::new(&header), IoSlice::new(meta), IoSlice::new(payload)];
        let mut rest = &mut parts[..];
        // Drops leading empty parts too, so that the loop ends with the last byte.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match sendmsg::<()>(self.descriptor(), rest, &[], MsgFlags::MSG_NOSIGNAL, None) {
                Ok(sent) => IoSlice::advance_slices(&mut rest, sent),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Receives one frame.
    ///
    /// When time runs out the error is [`Error::Lost`] of kind `WouldBlock` or `TimedOut`, and what was read
    /// is kept for the next call.
    pub(crate) fn receive(&mut self, until: Until) -> Result<Frame, Error> {
        self.fill_to(HEADER_LENGTH, until)?;
        let header = self.header()?;
        let small = HEADER_LENGTH + header.body_length() <= BUFFER;
        match (small, until) {
            (true, _) => self.fill_to(HEADER_LENGTH + header.body_length(), until)?,
            (false, Until::Forever | Until::By(_)) => {}
            (false, Until::Now | Until::At(_)) => {
                return Err(Error::Protocol("a frame of this kind is larger than it may be"));
            }
        }
        self.consume(HEADER_LENGTH);
        let meta = self.take(header.meta_length, until)?;
        let payload = self.take(header.payload_length, until)?;
        Ok(Frame { header, meta, payload })
    }

    /// Whether there is something to read within that time.
    pub(crate) fn is_readable(&self, milliseconds: u16) -> io::Result<bool> {
        let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
        Ok(poll(&mut fds, milliseconds)? > 0)
    }

    fn header(&self) -> Result<Header, Error> {
        let bytes = self.buffer[self.start..self.end]
            .first_chunk::<HEADER_LENGTH>()
            .ok_or(Error::Protocol("a frame ends inside its header"))?;
        let header = Header::decode(bytes).map_err(|_| Error::Protocol("a frame's header"))?;
        if header.descriptors == 0 {
            Ok(header)
        } else {
            Err(Error::Protocol("a frame brings descriptors"))
        }
    }

    /// Takes the next bytes, in memory of exactly their size.
    fn take(&mut self, length: u32, until: Until) -> Result<Zeroizing<Vec<u8>>, Error> {
        let length =
            usize::try_from(length).map_err(|_| Error::Protocol("a length beyond memory"))?;
        let mut bytes = bulk::buffer(length);
        let buffered = length.min(self.end - self.start);
        bytes[..buffered].copy_from_slice(&self.buffer[self.start..self.start + buffered]);
        self.consume(buffered);
        let mut at = buffered;
        while at < length {
            if let Until::By(moment) = until {
                wait_readable(&self.socket, moment).map_err(Error::Lost)?;
            }
            at += receive_into(self.descriptor(), &mut bytes[at..], MsgFlags::empty())
                .map_err(Error::Lost)?;
        }
        Ok(bytes)
    }

    /// Reads until `length` bytes wait in the buffer.
    fn fill_to(&mut self, length: usize, until: Until) -> Result<(), Error> {
        while self.end - self.start < length {
            if BUFFER - self.start < length {
                self.compact();
            }
            self.end += self.read(until).map_err(Error::Lost)?;
        }
        Ok(())
    }

    fn read(&mut self, until: Until) -> io::Result<usize> {
        let flags = match until {
            Until::Forever if self.start == self.end => return self.await_next(),
            Until::Forever => MsgFlags::empty(),
            Until::Now => MsgFlags::MSG_DONTWAIT,
            Until::At(moment) | Until::By(moment) => {
                wait_readable(&self.socket, moment)?;
                MsgFlags::MSG_DONTWAIT
            }
        };
        receive_into(self.descriptor(), &mut self.buffer[self.end..], flags)
    }

    /// Waits for the first bytes of a frame.
    fn await_next(&mut self) -> io::Result<usize> {
        let socket = self.socket.as_raw_fd();
        let room = RefCell::new(&mut self.buffer[self.end..]);
        let read = |flags| receive_into(socket, &mut room.borrow_mut()[..], flags);
        self.patience.wait(
            || match read(MsgFlags::MSG_DONTWAIT) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                read => Some(read),
            },
            || read(MsgFlags::empty()),
        )
    }

    /// Moves what waits to the front, and leaves no copy behind it.
    fn compact(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        let length = self.end - self.start;
        self.buffer[length..self.end].zeroize();
        (self.start, self.end) = (0, length);
    }

    fn consume(&mut self, length: usize) {
        self.buffer[self.start..self.start + length].zeroize();
        self.start += length;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }
}

fn receive_into(socket: RawFd, bytes: &mut [u8], flags: MsgFlags) -> io::Result<usize> {
    loop {
        match recv(socket, bytes, flags) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => return Ok(length),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn wait_readable(socket: &OwnedFd, moment: Instant) -> io::Result<()> {
    loop {
        let left = moment.saturating_duration_since(Instant::now());
        // One more millisecond, because the rest of a millisecond would make the wait a busy one.
        let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) if moment <= Instant::now() => return Err(io::ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
