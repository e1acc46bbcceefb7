//! A daemon of a few lines, whose behaviour each test writes down.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod script;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use coffer_client::{ConnectOptions, Connection, Role};
use coffer_protocol::error::Failure;
use coffer_protocol::frame::{Flags, HEADER_LENGTH, Header, Kind, decode_meta, encode_meta};
use coffer_protocol::handshake::{Hello, Welcome};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

/// The listener; each connection is served by its own thread.
pub(crate) struct Daemon {
    directory: TempDir,
}

impl Daemon {
    /// Answers Hello on every connection, then leaves the rest to `serve`.
    pub(crate) fn start(serve: impl Fn(Peer) + Send + Sync + 'static) -> Self {
        Self::start_raw(move |stream| serve(Peer::welcome(stream, [7; 16])))
    }

    /// Leaves the handshake to `serve`, too.
    pub(crate) fn start_raw(serve: impl Fn(UnixStream) + Send + Sync + 'static) -> Self {
        let directory = TempDir::new().unwrap();
        let listener = UnixListener::bind(directory.path().join("coffer.sock")).unwrap();
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serve = Arc::clone(&serve);
                thread::spawn(move || serve(stream.unwrap()));
            }
        });
        Self { directory }
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("coffer.sock")
    }

    pub(crate) fn connect(&self) -> Result<Connection, coffer_client::Error> {
        Connection::open(&self.socket(), &ConnectOptions::new(Role::Service, "test"))
    }
}

/// The daemon's end of a connection.
pub(crate) struct Peer {
    pub(crate) stream: UnixStream,
    pub(crate) hello: Hello,
}

/// Closing alone would leave the connection to a child that another test forks, until it calls execve(2).
impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// A request as it came.
pub(crate) struct Request {
    pub(crate) header: Header,
    pub(crate) meta: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Request {
    pub(crate) fn decode<T: Serialize + DeserializeOwned>(&self) -> T {
        decode_meta(&self.meta).unwrap()
    }
}

impl Peer {
    pub(crate) fn welcome(mut stream: UnixStream, instance: [u8; 16]) -> Self {
        let request = read_request(&mut stream).unwrap();
        let mut peer = Self { stream, hello: request.decode() };
        peer.reply(&request, &welcome(instance), &[]);
        peer
    }

    /// The next request; `None` when the client went away.
    pub(crate) fn receive(&mut self) -> Option<Request> {
        read_request(&mut self.stream)
    }

    pub(crate) fn reply<T: Serialize>(&mut self, request: &Request, meta: &T, payload: &[u8]) {
        let meta = encode_meta(meta).unwrap();
        self.write(&frame(reply_header(request, Flags::NONE, &meta, payload), &meta, payload));
    }

    pub(crate) fn fail(&mut self, request: &Request, failure: &Failure) {
        let meta = encode_meta(failure).unwrap();
        self.write(&frame(reply_header(request, Flags::FAILED, &meta, &[]), &meta, &[]));
    }

    pub(crate) fn tell<T: Serialize>(&mut self, kind: Kind, number: u16, meta: &T) {
        let meta = encode_meta(meta).unwrap();
        let header = Header {
            kind,
            operation: number,
            flags: Flags::NONE,
            descriptors: 0,
            meta_length: u32::try_from(meta.len()).unwrap(),
            payload_length: 0,
            request_id: 0,
        };
        self.write(&frame(header, &meta, &[]));
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        // The client may have hung up already, which its test looks at.
        let _ = self.stream.write_all(bytes);
    }
}

pub(crate) fn welcome(instance: [u8; 16]) -> Welcome {
    Welcome {
        version: 1,
        instance,
        connection: 3,
        attach_token: [9; 16],
        max_meta: 1 << 20,
        max_payload: 1 << 20,
        max_sessions: 100,
        daemon_version: "0.1.0".to_owned(),
        weak_keys: 0,
    }
}

pub(crate) fn reply_header(request: &Request, flags: Flags, meta: &[u8], payload: &[u8]) -> Header {
    Header {
        kind: Kind::Reply,
        operation: request.header.operation,
        flags,
        descriptors: 0,
        meta_length: u32::try_from(meta.len()).unwrap(),
        payload_length: u32::try_from(payload.len()).unwrap(),
        request_id: request.header.request_id,
    }
}

pub(crate) fn frame(header: Header, meta: &[u8], payload: &[u8]) -> Vec<u8> {
    [&header.encode(), meta, payload].concat()
}

fn read_request(stream: &mut UnixStream) -> Option<Request> {
    let mut header = [0; HEADER_LENGTH];
    stream.read_exact(&mut header).ok()?;
    let header = Header::decode(&header).unwrap();
    let mut meta = vec![0; header.meta_length as usize];
    let mut payload = vec![0; header.payload_length as usize];
    stream.read_exact(&mut meta).ok()?;
    stream.read_exact(&mut payload).ok()?;
    Some(Request { header, meta, payload })
}
