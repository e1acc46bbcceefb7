//! A forwarder between module and daemon that writes down which requests pass, and can lose a reply.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use coffer_protocol::frame::{HEADER_LENGTH, Header, Kind};
use coffer_protocol::operation;

/// Forwards until the process ends.
#[derive(Debug)]
pub struct Forwarder {
    seen: Arc<Mutex<Vec<String>>>,
    cut: Arc<Mutex<Option<String>>>,
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
        let cut = Arc::new(Mutex::new(None));
        let (back, log, knife) = (back.to_owned(), seen.clone(), cut.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                // A daemon that is away makes a client see a socket that closes.
                let Ok((client, daemon)) =
                    client.and_then(|c| Ok((c, UnixStream::connect(&back)?)))
                else {
                    continue;
                };
                let (log, knife) = (log.clone(), knife.clone());
                let (to_client, from_daemon) = both(&client, &daemon);
                let swallow = Arc::new(AtomicBool::new(false));
                let swallowing = swallow.clone();
                thread::spawn(move || copy(from_daemon, to_client, &swallowing));
                thread::spawn(move || requests(client, daemon, &log, &knife, &swallow));
            }
        });
        Self { seen, cut }
    }

    /// Passes the next request of that name on, and closes its connection in place of the reply: the request was
    /// carried out, and the client cannot know.
    pub fn lose_reply_to(&self, name: &str) {
        *lock(&self.cut) = Some(name.to_owned());
    }

    /// The names of the requests that passed since it was asked last, in order.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.seen))
    }
}

fn both(client: &UnixStream, daemon: &UnixStream) -> (UnixStream, UnixStream) {
    let copy = |stream: &UnixStream| stream.try_clone().expect("descriptors are left");
    (copy(client), copy(daemon))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Replies and events, unread, up to one that is to be lost.
fn copy(mut from: UnixStream, mut to: UnixStream, swallow: &AtomicBool) {
    let mut bytes = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if swallow.load(Ordering::SeqCst) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// Requests, each written down before it is passed on, and so before its reply.
fn requests(
    mut client: UnixStream,
    mut daemon: UnixStream,
    seen: &Mutex<Vec<String>>,
    cut: &Mutex<Option<String>>,
    swallow: &AtomicBool,
) {
    let mut bytes = [0; HEADER_LENGTH];
    while client.read_exact(&mut bytes).is_ok() {
        let header = Header::decode(&bytes).expect("the module sends frames");
        if header.kind == Kind::Request {
            let row = operation::ALL.iter().find(|row| row.number == header.operation);
            let name = row.map_or_else(|| header.operation.to_string(), |row| row.name.to_owned());
            // The reply to what is passed on below comes after this.
            if lock(cut).take_if(|cut| *cut == name).is_some() {
                swallow.store(true, Ordering::SeqCst);
            }
            lock(seen).push(name);
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
