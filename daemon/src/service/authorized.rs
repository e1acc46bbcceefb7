//! Who asks, what they ask with, and the proof that the gate let them through.

use std::ops::Range;
use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::{Operation, Socket};
use zeroize::Zeroizing;

use super::Service;
use super::record::Templates;
use crate::Error;
use crate::application::{Application, SessionView};
use crate::object::Slot;
use crate::share::{Claim, Share, Thing};
use crate::vault::{self, Buffer, Inside};

/// Who asks: what the kernel said of the peer at accept, and what the connection is for.
#[derive(Debug)]
pub struct Caller {
    /// User id.
    pub uid: u32,
    /// What that uid holds.
    pub share: Arc<Share>,
    /// Group id.
    pub gid: u32,
    /// Process id; never decides anything.
    pub pid: i32,
    /// The systemd unit of the process, from its cgroup; for the audit log and, later, policies.
    pub unit: Option<String>,
    /// The socket that it came in by.
    pub socket: Socket,
    /// What it calls itself; for the audit log only.
    pub client_name: String,
    /// The PKCS#11 application that the connection belongs to.
    pub application: Option<Arc<Application>>,
    /// The partition that its KMS requests mean.
    pub partition: Slot,
    /// Number of the connection.
    pub connection: u32,
    /// Number of the request on the connection.
    pub request: u64,
    /// What the records of its uses of keys have in common.
    pub templates: Templates,
}

/// The payload of a request.
pub enum Payload<'f> {
    /// Bytes that are no secret of the vault: data to sign, ciphertext, bulk plaintext of an application.
    Plain(&'f [u8]),
    /// Bytes in secret memory.
    Secret(&'f Buffer, Range<usize>),
}

impl Payload<'_> {
    /// How many bytes there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(bytes) => bytes.len(),
            Self::Secret(_, range) => range.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, for code inside the vault.
    pub fn bytes<'a>(&'a self, inside: &'a Inside<'_>) -> &'a [u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Secret(buffer, range) => buffer.secret(inside, range.clone()),
        }
    }

    /// The bytes of a payload that is not secret.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Internal`] where the operation's row says that it is.
    pub fn plain(&self) -> Result<&[u8], Error> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Secret(..) => Err(ErrorCode::Internal.into()),
        }
    }
}

/// The payload of a reply.
pub enum ReplyPayload {
    /// There is none.
    None,
    /// Bytes that are no secret of the vault; wiped all the same, as they may be an application's plaintext.
    Plain(Zeroizing<Vec<u8>>),
    /// Bytes in secret memory, written to the socket from there.
    Secret(SecretReply),
}

/// Payloads show their length only: they may be an application's plaintext.
impl std::fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

impl std::fmt::Debug for ReplyPayload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let length = match self {
            Self::None => 0,
            Self::Plain(bytes) => bytes.len(),
            Self::Secret(reply) => reply.len(),
        };
        write!(f, "ReplyPayload({length} bytes)")
    }
}

/// A secret reply: a buffer in the arena with room for the frame's header and metadata in front.
#[derive(Debug)]
pub struct SecretReply {
    buffer: Buffer,
    length: usize,
    /// Held until the peer has read all of it.
    memory: Claim,
}

impl SecretReply {
    /// Room for header and metadata in front of the payload.
    pub const HEADROOM: usize = 8 << 10;

    /// A reply to `caller` of at most `capacity` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::ShareExceeded`] where the caller's uid holds too much, [`ErrorCode::OutOfMemory`].
    pub fn to(service: &Service, caller: &Caller, capacity: usize) -> Result<Self, Error> {
        let room = Self::HEADROOM + capacity;
        let memory = Claim::new(&caller.share, Thing::Secret, room)?;
        Ok(Self { buffer: service.keyring.buffer(room)?, length: 0, memory })
    }

    /// Adds bytes to the payload.
    ///
    /// # Errors
    ///
    /// [`vault::Error::Full`] beyond the capacity.
    pub fn push(&mut self, inside: &Inside<'_>, bytes: &[u8]) -> Result<(), vault::Error> {
        let start = Self::HEADROOM + self.length;
        let end = start + bytes.len();
        if end > self.buffer.capacity() {
            return Err(vault::Error::Full);
        }
        self.buffer.secret_mut(inside, start..end).copy_from_slice(bytes);
        self.length += bytes.len();
        Ok(())
    }

    /// Bytes of the payload.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Puts header and metadata in front, and gives the buffer, the range of the whole frame, and what is to be held
    /// as long as the buffer.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::TooLarge`] where the metadata does not fit.
    pub fn into_frame(mut self, front: &[u8]) -> Result<(Buffer, Range<usize>, Claim), ErrorCode> {
        let start = Self::HEADROOM.checked_sub(front.len()).ok_or(ErrorCode::TooLarge)?;
        self.buffer.public_mut(start..Self::HEADROOM).copy_from_slice(front);
        Ok((self.buffer, start..Self::HEADROOM + self.length, self.memory))
    }
}

/// What a handler answers.
#[derive(Debug)]
pub struct Answer<R> {
    /// The metadata.
    pub meta: R,
    /// The payload.
    pub payload: ReplyPayload,
}

impl<R> Answer<R> {
    /// An answer without a payload.
    pub const fn new(meta: R) -> Self {
        Self { meta, payload: ReplyPayload::None }
    }

    /// An answer with a payload that is no secret.
    pub fn with(meta: R, payload: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        Self { meta, payload: ReplyPayload::Plain(payload.into()) }
    }

    /// An answer with a secret payload.
    pub const fn secret(meta: R, payload: SecretReply) -> Self {
        Self { meta, payload: ReplyPayload::Secret(payload) }
    }
}

/// A request that has passed the gate.
#[derive(Debug)]
pub struct Authorized<'f, O> {
    request: O,
    payload: Payload<'f>,
    caller: &'f Caller,
}

impl<'f, O: Operation> Authorized<'f, O> {
    /// Only the gate calls this.
    pub(super) const fn new(request: O, payload: Payload<'f>, caller: &'f Caller) -> Self {
        Self { request, payload, caller }
    }

    /// The request.
    pub const fn request(&self) -> &O {
        &self.request
    }

    /// Its payload.
    pub const fn payload(&self) -> &Payload<'f> {
        &self.payload
    }

    /// Who asks.
    pub const fn caller(&self) -> &'f Caller {
        self.caller
    }

    /// The application of a PKCS#11 request.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Unauthorized`] on a connection that is not one of an application.
    pub fn application(&self) -> Result<&'f Arc<Application>, Error> {
        self.caller.application.as_ref().ok_or(ErrorCode::Unauthorized.into())
    }

    /// The session of a PKCS#11 request.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::SessionInvalid`].
    pub fn session(&self, handle: u32) -> Result<SessionView, Error> {
        self.application()?.session(handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_payloads_shows_their_length_only() {
        assert_eq!(format!("{:?}", Payload::Plain(&[0x5a; 3])), "Payload(3 bytes)");
        let reply = ReplyPayload::Plain(Zeroizing::new(vec![0x5a; 3]));
        assert_eq!(format!("{reply:?}"), "ReplyPayload(3 bytes)");
    }
}
