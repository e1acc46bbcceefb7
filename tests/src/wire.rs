//! The wire without the client library: frames as a test wants them, right or wrong.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::frame::{Flags, HEADER_LENGTH, Header, Kind, decode_meta, encode_meta};
use coffer_protocol::handshake::{GoAway, HELLO, Hello, Role, Welcome};
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::token::{ListTokens, OpenSession};

/// No answer takes this long.
const DEADLINE: Duration = Duration::from_secs(30);

/// A socket to the daemon.
#[derive(Debug)]
pub struct Wire(pub UnixStream);

/// A frame from the daemon.
#[derive(Debug)]
pub struct Received {
    /// Its header.
    pub header: Header,
    /// Its metadata.
    pub meta: Vec<u8>,
    /// Its payload.
    pub payload: Vec<u8>,
}

impl Received {
    /// The code of a failed reply, or of a farewell.
    pub fn code(&self) -> Option<ErrorCode> {
        if self.header.kind == Kind::GoAway {
            let reason: GoAway = decode_meta(&self.meta).ok()?;
            return Some(ErrorCode::from_number(reason.code));
        }
        if !self.header.flags.contains(Flags::FAILED) {
            return None;
        }
        decode_meta::<Failure>(&self.meta).ok().map(|failure| failure.code())
    }
}

/// A Hello of this version.
pub fn hello(role: Role, attach: Option<[u8; 16]>) -> Hello {
    Hello {
        min_version: 1,
        max_version: 1,
        role: role as u8,
        client_name: "wire".to_owned(),
        attach,
        partition: None,
    }
}

/// The header of a request.
///
/// # Panics
///
/// Where a length is beyond 32 bits.
pub fn request(operation: u16, meta: usize, payload: usize, id: u64) -> Header {
    Header {
        kind: Kind::Request,
        operation,
        flags: Flags::NONE,
        descriptors: 0,
        meta_length: u32::try_from(meta).expect("short"),
        payload_length: u32::try_from(payload).expect("short"),
        request_id: id,
    }
}

/// The bytes of a request.
///
/// # Panics
///
/// Where the metadata cannot be encoded.
pub fn frame<M: serde::Serialize>(operation: u16, meta: &M, payload: &[u8], id: u64) -> Vec<u8> {
    let meta = encode_meta(meta).expect("plain data");
    let header = request(operation, meta.len(), payload.len(), id).encode();
    [&header[..], &meta, payload].concat()
}

/// The bytes of an operation's request.
pub fn frame_of<O: Operation>(request: &O, payload: &[u8], id: u64) -> Vec<u8> {
    frame(O::ROW.number, request, payload, id)
}

impl Wire {
    /// Connects and says nothing.
    ///
    /// # Panics
    ///
    /// Where nobody listens.
    pub fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("the daemon listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a socket has a deadline");
        stream.set_write_timeout(Some(DEADLINE)).expect("a socket has a deadline");
        Self(stream)
    }

    /// Connects and says Hello.
    ///
    /// # Panics
    ///
    /// Where the daemon does not welcome.
    pub fn open(path: &Path, role: Role) -> Self {
        let mut wire = Self::connect(path);
        wire.greet(&hello(role, None));
        wire
    }

    /// Says Hello.
    ///
    /// # Panics
    ///
    /// Where the daemon does not welcome.
    pub fn greet(&mut self, hello: &Hello) -> Welcome {
        self.send(&frame(HELLO, hello, &[], 1)).expect("Hello is sent");
        let welcome = self.receive().expect("an answer");
        assert_eq!(welcome.code(), None, "{welcome:?}");
        decode_meta(&welcome.meta).expect("Welcome")
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// The daemon has closed the connection.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes)
    }

    /// The next frame; `None` where the daemon has closed the connection.
    ///
    /// # Panics
    ///
    /// Where the daemon neither sends nor closes, or sends what is no frame.
    pub fn receive(&mut self) -> Option<Received> {
        let mut header = [0; HEADER_LENGTH];
        match self.0.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) => {
                assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the daemon is silent");
                return None;
            }
        }
        let header = Header::decode(&header).expect("the daemon sends frames");
        let mut meta = vec![0; header.body_length()];
        self.0.read_exact(&mut meta).expect("a whole frame");
        let payload = meta.split_off(meta.len() - header.payload_length as usize);
        Some(Received { header, meta, payload })
    }

    /// Sends bytes and takes the next frame.
    ///
    /// # Panics
    ///
    /// Where the daemon has closed the connection.
    pub fn ask(&mut self, bytes: &[u8]) -> Received {
        self.send(bytes).expect("the daemon reads");
        self.receive().expect("the daemon answers")
    }
}

/// A PKCS#11 application without the module: it asks, and sees the codes.
#[derive(Debug)]
pub struct Peer {
    wire: Wire,
    last: u64,
}

impl Peer {
    /// A new application.
    ///
    /// # Panics
    ///
    /// Where the daemon does not welcome it.
    pub fn open(socket: &Path) -> Self {
        Self::over(Wire::open(socket, Role::Application))
    }

    /// One whose Hello was answered already.
    pub const fn over(wire: Wire) -> Self {
        Self { wire, last: 1 }
    }

    /// Asks, and gives the whole reply.
    ///
    /// # Errors
    ///
    /// The code of a refusal.
    pub fn ask<O: Operation>(
        &mut self,
        request: &O,
        payload: &[u8],
    ) -> Result<Received, ErrorCode> {
        self.last += 1;
        let reply = self.wire.ask(&frame_of(request, payload, self.last));
        match reply.code() {
            None => Ok(reply),
            Some(code) => Err(code),
        }
    }

    /// Asks.
    ///
    /// # Errors
    ///
    /// The code of a refusal.
    ///
    /// # Panics
    ///
    /// Where the reply is not of the table.
    pub fn call<O: Operation>(
        &mut self,
        request: &O,
        payload: &[u8],
    ) -> Result<O::Reply, ErrorCode> {
        self.ask(request, payload).map(|reply| decode_meta(&reply.meta).expect("of the table"))
    }

    /// A read-only session with the first token.
    ///
    /// # Panics
    ///
    /// Where it is refused.
    pub fn session(&mut self) -> u32 {
        self.try_session().expect("a session")
    }

    /// A read-only session with the first token.
    ///
    /// # Errors
    ///
    /// The code of a refusal.
    ///
    /// # Panics
    ///
    /// Where there is no token.
    pub fn try_session(&mut self) -> Result<u32, ErrorCode> {
        let slot = self.call(&ListTokens {}, &[])?.tokens[0].slot;
        self.call(&OpenSession { slot, read_write: false }, &[]).map(|opened| opened.session)
    }
}
