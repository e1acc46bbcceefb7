//! Frames on their way: a buffer in the arena that the kernel writes to and reads from directly, so
//! that secrets in a request or a reply never lie in ordinary memory.
use super::block::Block;
use super::error::Error;
use super::room;
use super::run::Inside;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use std::fmt;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

/// A buffer of fixed capacity in the arena that lives outside of `run`, for one frame at a time.
///
/// The protocol says which bytes of a frame are secret. Those that are not (header, metadata) are
/// read with [`Buffer::public`], the others only inside `run`:
/// ```compile_fail,E0061
/// # use coffer_daemon::vault::Buffer;
/// fn steal(frame: &Buffer) -> &[u8] { frame.secret(0..16) }
/// ```
pub struct Buffer {
    block: Block,
}

impl Buffer {
    /// Makes a zeroed buffer.
    ///
    /// # Errors
    /// `Full` when the arena has no room for it beside the reserve.
    pub fn new(capacity: usize) -> Result<Self, Error> {
        let _promise = room::promise(capacity)?;
        Block::zeroed(capacity).map(|block| Buffer { block })
    }

    /// Bytes it can hold.
    pub fn capacity(&self) -> usize {
        self.block.len()
    }

    /// Reads what is there into the buffer, from offset `at` on: one `read(2)`, 0 at the end of the
    /// stream.
    ///
    /// # Errors
    /// What `read(2)` says; `InvalidInput` where no room is left.
    pub fn receive(&mut self, fd: BorrowedFd<'_>, at: usize) -> io::Result<usize> {
        self.receive_into(fd, at..self.capacity())
    }

    /// Like [`Buffer::receive`] of a socket, but does not wait.
    ///
    /// # Errors
    /// What `recv(2)` says, `WouldBlock` where nothing is there; `InvalidInput` where no room is left.
    pub fn receive_now(&mut self, socket: BorrowedFd<'_>, at: usize) -> io::Result<usize> {
        match self.block.bytes_mut().get_mut(at..) {
            Some(room) if !room.is_empty() => {
                recv(socket.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT).map_err(io::Error::from)
            }
            _ => Err(Errno::EINVAL.into()),
        }
    }

    /// Like [`Buffer::receive`], but no byte beyond `range`.
    ///
    /// # Errors
    /// What `read(2)` says; `InvalidInput` where the range is empty or does not fit.
    pub fn receive_into(&mut self, fd: BorrowedFd<'_>, range: Range<usize>) -> io::Result<usize> {
        match self.block.bytes_mut().get_mut(range) {
            Some(room) if !room.is_empty() => nix::unistd::read(fd, room).map_err(io::Error::from),
            _ => Err(Errno::EINVAL.into()),
        }
    }

    /// Writes a part of the buffer: one `write(2)`, which may take less than all of it.
    ///
    /// # Errors
    /// What `write(2)` says; `InvalidInput` where the range does not fit.
    pub fn send(&self, fd: BorrowedFd<'_>, range: Range<usize>) -> io::Result<usize> {
        let part = self.block.bytes().get(range).ok_or(Errno::EINVAL)?;
        nix::unistd::write(fd, part).map_err(io::Error::from)
    }

    /// Gives bytes that the protocol calls public.
    ///
    /// # Panics
    /// If `range` does not fit.
    pub fn public(&self, range: Range<usize>) -> &[u8] {
        &self.block.bytes()[range]
    }

    /// Gives bytes that the protocol calls public, for change.
    ///
    /// # Panics
    /// If `range` does not fit.
    pub fn public_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        &mut self.block.bytes_mut()[range]
    }

    /// Gives secret bytes to code inside `run`.
    ///
    /// # Panics
    /// If `range` does not fit.
    pub fn secret<'a>(&'a self, _: &'a Inside<'_>, range: Range<usize>) -> &'a [u8] {
        &self.block.bytes()[range]
    }

    /// Gives secret bytes to code inside `run`, for change.
    ///
    /// # Panics
    /// If `range` does not fit.
    pub fn secret_mut<'a>(&'a mut self, _: &'a Inside<'_>, range: Range<usize>) -> &'a mut [u8] {
        &mut self.block.bytes_mut()[range]
    }

    /// Zeroes a part of the buffer.
    ///
    /// # Panics
    /// If `range` does not fit.
    pub fn wipe(&mut self, range: Range<usize>) {
        self.block.wipe(range);
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.capacity())
    }
}
