//! A forwarder between module and daemon that writes down which requests pass.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use coffer_protocol::frame::{HEADER_LENGTH, Header, Kind};
use coffer_protocol::operation;

/// Forwards until the process ends.
#[derive(Debug)]
pub struct Forwarder {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Forwarder {
    /// Listens at `front`, and passes everything on to `back`.
    ///
    /// # Panics
    ///
    /// Where it cannot listen.
    pub fn start(front: &Path, back: &Path) -> Self {
        let listener = UnixListener::bind(front).expect("the socket is free");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (back, log) = (back.to_owned(), seen.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                // A daemon that is away makes a client see a socket that closes.
                let Ok((client, daemon)) =
                    client.and_then(|c| Ok((c, UnixStream::connect(&back)?)))
                else {
                    continue;
                };
                let log = log.clone();
                let (to_client, from_daemon) = both(&client, &daemon);
                thread::spawn(move || copy(from_daemon, to_client));
                thread::spawn(move || requests(client, daemon, &log));
            }
        });
        Self { seen }
    }

    /// The names of the requests that passed since it was asked last, in order.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn both(client: &UnixStream, daemon: &UnixStream) -> (UnixStream, UnixStream) {
    let copy = |stream: &UnixStream| stream.try_clone().expect("descriptors are left");
    (copy(client), copy(daemon))
}

/// Replies and events, unread.
fn copy(mut from: UnixStream, mut to: UnixStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Requests, each written down before it is passed on, and so before its reply.
fn requests(mut client: UnixStream, mut daemon: UnixStream, seen: &Mutex<Vec<String>>) {
    let mut bytes = [0; HEADER_LENGTH];
    while client.read_exact(&mut bytes).is_ok() {
        let header = Header::decode(&bytes).expect("the module sends frames");
        if header.kind == Kind::Request {
            let row = operation::ALL.iter().find(|row| row.number == header.operation);
            let name = row.map_or_else(|| header.operation.to_string(), |row| row.name.to_owned());
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        }
        let mut frame = bytes.to_vec();
        frame.resize(HEADER_LENGTH + header.body_length(), 0);
        if client.read_exact(&mut frame[HEADER_LENGTH..]).is_err()
            || daemon.write_all(&frame).is_err()
        {
            break;
        }
    }
    let _ = daemon.shutdown(Shutdown::Both);
}
