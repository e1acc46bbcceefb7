//! One connection to the daemon for a tokio runtime: the same frames as the blocking one.
//!
//! A call takes the socket out of the connection and puts it back when its reply was read to the end. So a future that
//! is dropped in between closes the socket, and nobody reads the rest of a reply as the next one.

use std::io;
use std::path::Path;
use std::time::Duration;

use coffer_protocol::frame::{Flags, HEADER_LENGTH, Header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::channel::Frame;
use crate::connection::ConnectOptions;
use crate::event::read_farewell;
use crate::exchange::{self, Incoming};
use crate::handshake::{self, HANDSHAKE_LIMIT, Welcome};
use crate::{Error, bulk, socket};

/// The daemon drops a frame that takes longer than this to arrive.
const SEND_LIMIT: Duration = Duration::from_secs(10);

/// One socket, with one request in flight at a time.
pub(crate) struct AsyncConnection {
    /// Gone while a call has it, and after one that did not end.
    stream: Option<UnixStream>,
    welcome: Welcome,
    last_request: u64,
    was_sent: bool,
}

impl AsyncConnection {
    /// Connects and says Hello.
    pub(crate) async fn open(path: &Path, options: &ConnectOptions) -> Result<Self, Error> {
        match timeout(HANDSHAKE_LIMIT, connect(path, options)).await {
            Ok(connected) => connected.map_err(|error| match error {
                Error::Lost(cause) => Error::Unreachable(cause),
                other => other,
            }),
            Err(_) => Err(Error::Unreachable(io::ErrorKind::TimedOut.into())),
        }
    }

    /// Whether another call can be made.
    pub(crate) fn is_ready(&self) -> bool {
        self.stream.is_some()
    }

    /// Whether all of the last request went out; one of which a byte is missing is not carried out.
    pub(crate) fn was_sent(&self) -> bool {
        self.was_sent
    }

    /// The frame of a successful reply.
    pub(crate) async fn call(
        &mut self,
        operation: u16,
        flags: Flags,
        meta: &[u8],
        payload: &[u8],
    ) -> Result<Frame, Error> {
        self.was_sent = false;
        let lost = || Error::Lost(io::ErrorKind::NotConnected.into());
        let mut stream = self.stream.take().ok_or_else(lost)?;
        let id = self.last_request + 1;
        let header = match exchange::header(&self.welcome, operation, flags, (meta, payload), id) {
            Ok(header) => header,
            Err(error) => {
                self.stream = Some(stream);
                return Err(error);
            }
        };
        self.last_request = id;
        send(&mut stream, &header, meta, payload).await?;
        self.was_sent = true;
        let reply = loop {
            match exchange::sort(receive(&mut stream).await?, &header)? {
                Incoming::Reply(frame) => break exchange::success(frame),
                // This connection asked for none.
                Incoming::Event(_) => {}
            }
        };
        if reply.as_ref().err().is_none_or(|error| !error.is_final()) {
            self.stream = Some(stream);
        }
        reply
    }
}

async fn connect(path: &Path, options: &ConnectOptions) -> Result<AsyncConnection, Error> {
    let mut stream = UnixStream::connect(path).await.map_err(Error::Unreachable)?;
    if options.check_listener {
        socket::check_listener(&stream)?;
    }
    let (header, meta) = handshake::hello(options)?;
    send(&mut stream, &header, &meta, &[]).await?;
    let welcome = handshake::read_welcome(&receive(&mut stream).await?)?;
    Ok(AsyncConnection { stream: Some(stream), welcome, last_request: 0, was_sent: false })
}

async fn send(
    stream: &mut UnixStream,
    header: &Header,
    meta: &[u8],
    payload: &[u8],
) -> Result<(), Error> {
    // Wiped, because the metadata of some requests is private.
    let mut front = Zeroizing::new(Vec::with_capacity(HEADER_LENGTH + meta.len()));
    front.extend_from_slice(&header.encode());
    front.extend_from_slice(meta);
    let all = async {
        stream.write_all(&front).await?;
        stream.write_all(payload).await
    };
    let sent = timeout(SEND_LIMIT, all).await.unwrap_or_else(|late| Err(late.into()));
    match sent {
        Ok(()) => Ok(()),
        Err(error) => Err(farewell(stream).unwrap_or(Error::Lost(error))),
    }
}

/// What the daemon said before it closed, if it is there already.
fn farewell(stream: &UnixStream) -> Option<Error> {
    let mut bytes = vec![0; 4096];
    let length = stream.try_read(&mut bytes).ok()?;
    let (front, rest) = bytes.get(..length)?.split_first_chunk::<HEADER_LENGTH>()?;
    let header = Header::decode(front).ok()?;
    let length = usize::try_from(header.meta_length).ok()?;
    let meta = Zeroizing::new(rest.get(..length)?.to_vec());
    let is_farewell = header.kind == coffer_protocol::frame::Kind::GoAway;
    is_farewell.then(|| read_farewell(&Frame { header, meta, payload: Zeroizing::default() }))
}

async fn receive(stream: &mut UnixStream) -> Result<Frame, Error> {
    let mut header = [0; HEADER_LENGTH];
    stream.read_exact(&mut header).await.map_err(Error::Lost)?;
    let header = Header::decode(&header).map_err(|_| Error::Protocol("a frame's header"))?;
    if header.descriptors != 0 {
        return Err(Error::Protocol("a frame brings descriptors"));
    }
    let meta = take(stream, header.meta_length).await?;
    let payload = take(stream, header.payload_length).await?;
    Ok(Frame { header, meta, payload })
}

/// The next bytes, in memory of exactly their size.
async fn take(stream: &mut UnixStream, length: u32) -> Result<Zeroizing<Vec<u8>>, Error> {
    let length = usize::try_from(length).map_err(|_| Error::Protocol("a length beyond memory"))?;
    let mut bytes = bulk::buffer(length);
    stream.read_exact(&mut bytes).await.map_err(Error::Lost)?;
    Ok(bytes)
}
