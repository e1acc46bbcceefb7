//! A daemon that answers by heart: it speaks the protocol, keeps no keys, and counts frames.
#![expect(clippy::unwrap_used, reason = "a failure is the test's")]

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::event::{Event, ObjectChanged};
use coffer_protocol::frame::{
    Flags, HEADER_LENGTH, Header, Kind, MAX_META, MAX_PAYLOAD, decode_meta, encode_meta,
};
use coffer_protocol::handshake::{HELLO, Hello, Role, Welcome};
use coffer_protocol::operation;
use coffer_protocol::operation::object::ObjectDescription;
use tempfile::TempDir;

use crate::api;

/// Handles and, repeated, unique ids of the objects that it knows.
pub(crate) const RSA_PRIVATE: u32 = 1;
pub(crate) const RSA_PUBLIC: u32 = 2;
pub(crate) const AES: u32 = 3;
pub(crate) const HMAC: u32 = 4;
/// A signature that verifies.
pub(crate) const RIGHT: &[u8] = &[0xAA; 256];

/// The daemon and the initialised module, for one test.
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

#[derive(Default)]
pub(crate) struct State {
    instance: u8,
    /// Names of the requests that came.
    pub(crate) frames: Vec<&'static str>,
    /// Payloads of the requests that came.
    pub(crate) payloads: Vec<Vec<u8>>,
    pub(crate) objects: HashMap<u32, ObjectDescription>,
    /// What to refuse, by the name of the operation.
    pub(crate) refusals: HashMap<&'static str, ErrorCode>,
    /// Operations at which to close the connection instead of an answer.
    pub(crate) hang_up_at: Option<&'static str>,
    /// An operation to hold once, before its answer.
    pub(crate) hold_at: Option<Hold>,
    /// Bytes that searches find beyond the objects.
    pub(crate) more_handles: Vec<u32>,
    pub(crate) streams: HashMap<u8, (u64, Vec<u8>)>,
    pub(crate) sessions: u32,
    events: Vec<UnixStream>,
    connections: Vec<UnixStream>,
}

/// A request that waits for its answer.
pub(crate) struct Hold {
    name: &'static str,
    reached: Sender<()>,
    released: Receiver<()>,
}

/// The other end of a [`Hold`].
pub(crate) struct Held {
    reached: Receiver<()>,
    release: Sender<()>,
}

impl Held {
    /// Waits until the request has come.
    pub(crate) fn wait(&self) {
        self.reached.recv_timeout(Duration::from_mins(1)).unwrap();
    }

    /// Lets it be answered.
    pub(crate) fn release(self) {
        self.release.send(()).unwrap();
    }
}

fn description(
    object: u32,
    class: u64,
    key_type: u64,
    key_bits: u32,
    usage: u32,
) -> ObjectDescription {
    ObjectDescription {
        object,
        id: [u8::try_from(object).unwrap(); 16],
        class,
        key_type,
        key_bits,
        usage,
        always_authenticate: false,
        refusal: 0,
        allowed_mechanisms: Vec::new(),
        material: 0,
    }
}

impl Fake {
    /// Starts it, and initialises the module.
    pub(crate) fn start() -> Self {
        let fake = Self::start_alone();
        api::use_socket(&fake.socket());
        api::initialize().unwrap();
        fake
    }

    fn start_alone() -> Self {
        let alone = api::alone();
        let objects = [
            description(RSA_PRIVATE, 3, 0, 2048, 2 | 4),
            description(RSA_PUBLIC, 2, 0, 2048, 1 | 8),
            description(AES, 4, 0x1f, 256, 1 | 2),
            description(HMAC, 4, 0x10, 256, 4 | 8),
        ];
        let objects = objects.into_iter().map(|object| (object.object, object)).collect();
        let state = Arc::new(Mutex::new(State { objects, ..State::default() }));
        let fake = Self { state, folder: tempfile::tempdir().unwrap(), _alone: alone };
        fake.listen();
        fake
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("coffer.sock")
    }

    fn listen(&self) {
        static INSTANCES: AtomicU8 = AtomicU8::new(1);
        self.state().instance = INSTANCES.fetch_add(1, Ordering::Relaxed);
        let listener = UnixListener::bind(self.socket()).unwrap();
        let state = self.state.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let state = state.clone();
                state.lock().unwrap().connections.push(connection.try_clone().unwrap());
                std::thread::spawn(move || serve(connection, &state));
            }
        });
    }

    /// What it saw and knows.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The requests since the last time.
    pub(crate) fn take_frames(&self) -> Vec<&'static str> {
        let mut state = self.state();
        state.payloads.clear();
        std::mem::take(&mut state.frames)
    }

    /// Ends it, as a crash would.
    pub(crate) fn crash(&self) {
        std::fs::remove_file(self.socket()).unwrap();
        let mut state = self.state();
        state.events.clear();
        state.sessions = 0;
        for connection in state.connections.drain(..) {
            // One that the other side closed needs nothing.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Holds the next request of that name.
    pub(crate) fn hold(&self, name: &'static str) -> Held {
        let ((reached, was_reached), (release, released)) = (channel(), channel());
        self.state().hold_at = Some(Hold { name, reached, released });
        Held { reached: was_reached, release }
    }

    /// Starts it again after a crash.
    pub(crate) fn restart(&self) {
        self.listen();
    }

    /// Changes an object and tells the applications.
    pub(crate) fn change(&self, object: u32, change: impl FnOnce(&mut ObjectDescription)) {
        let mut state = self.state();
        let description = state.objects.get_mut(&object).unwrap();
        change(description);
        let changed = ObjectChanged { slot: 0, object: description.id };
        let meta = encode_meta(&changed).unwrap();
        for connection in &mut state.events {
            send(connection, Kind::Event, Event::ObjectChanged as u16, Flags::NONE, 0, &meta, &[]);
        }
    }

    /// A session in which the RSA key, the AES key and the HMAC key are known, with no frames counted.
    pub(crate) fn session(&self) -> u64 {
        let session = api::open_session(0).unwrap();
        api::find_init(session, &[]).unwrap();
        api::find_final(session).unwrap();
        self.take_frames();
        session
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // A test may have finalised the module itself.
        let _ = api::finalize();
    }
}

fn serve(mut connection: UnixStream, state: &Mutex<State>) {
    while let Some((header, meta, payload)) = receive(&mut connection) {
        if header.operation == HELLO {
            let hello: Hello = decode_meta(&meta).unwrap();
            let mut state = state.lock().unwrap();
            let welcome = Welcome {
                version: 1,
                instance: [state.instance; 16],
                connection: 1,
                attach_token: [state.instance; 16],
                max_meta: MAX_META,
                max_payload: MAX_PAYLOAD,
                max_sessions: 1024,
                daemon_version: "0".to_owned(),
                weak_keys: 0,
            };
            let meta = encode_meta(&welcome).unwrap();
            send(&mut connection, Kind::Reply, HELLO, Flags::NONE, header.request_id, &meta, &[]);
            if Role::try_from(hello.role).unwrap() == Role::Events {
                state.events.push(connection.try_clone().unwrap());
            }
            continue;
        }
        let name = operation::find(header.operation).unwrap().name;
        let shared = state;
        let mut state = lock(shared);
        state.frames.push(name);
        state.payloads.push(payload.clone());
        if state.hang_up_at == Some(name) {
            // The other side sees the end of the stream either way.
            let _ = connection.shutdown(Shutdown::Both);
            return;
        }
        if let Some(hold) = state.hold_at.take_if(|hold| hold.name == name) {
            drop(state);
            hold.reached.send(()).unwrap();
            // A test that fails lets go of it.
            let _ = hold.released.recv();
            state = lock(shared);
        }
        let (flags, meta, payload) = match state.answer(name, &meta, &payload) {
            Ok((meta, payload)) => (Flags::NONE, meta, payload),
            Err(code) => (Flags::FAILED, encode_meta(&Failure::new(code)).unwrap(), Vec::new()),
        };
        drop(state);
        let (operation, id) = (header.operation, header.request_id);
        send(&mut connection, Kind::Reply, operation, flags, id, &meta, &payload);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

fn receive(connection: &mut UnixStream) -> Option<(Header, Vec<u8>, Vec<u8>)> {
    let mut header = [0; HEADER_LENGTH];
    connection.read_exact(&mut header).ok()?;
    let header = Header::decode(&header).unwrap();
    let mut meta = vec![0; header.meta_length as usize];
    connection.read_exact(&mut meta).ok()?;
    let mut payload = vec![0; header.payload_length as usize];
    connection.read_exact(&mut payload).ok()?;
    Some((header, meta, payload))
}

fn send(
    connection: &mut UnixStream,
    kind: Kind,
    operation: u16,
    flags: Flags,
    request_id: u64,
    meta: &[u8],
    payload: &[u8],
) {
    let header = Header {
        kind,
        operation,
        flags,
        descriptors: 0,
        meta_length: u32::try_from(meta.len()).unwrap(),
        payload_length: u32::try_from(payload.len()).unwrap(),
        request_id,
    };
    // A client that went away needs no answer.
    let _ = connection.write_all(&[&header.encode(), meta, payload].concat());
}
