//! One uid that holds all it can, in as many applications as it likes, is refused clearly and stops nobody else.

#![allow(clippy::unwrap_used)] // all of it is tests

use std::sync::{Mutex, PoisonError};

use coffer_daemon::config::Limits;
use coffer_daemon::object::Slot;
use coffer_daemon::service::testing::Peer;
use coffer_daemon::service::{Payload, Service};
use coffer_daemon::vault;
use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::mechanism::{GcmParameter, IvParameter, MechanismCall, ckm};
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::cipher::{
    EncryptData, FinishOperation, Function, SignData, StartOperation, UpdateOperation,
};
use coffer_protocol::operation::object::{CreateObject, FindObjects, GenerateKey, GetAttributes};
use coffer_protocol::operation::token::{Login, OpenSession};

const HOSTILE: u32 = 3000;
const OTHER: u32 = 3001;

/// The vault is one for the process, so tests that fill it come one after the other.
static VAULT: Mutex<()> = Mutex::new(());

struct Device {
    service: std::sync::Arc<Service>,
    _directory: tempfile::TempDir,
    _turn: std::sync::MutexGuard<'static, ()>,
}

impl Device {
    fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let turn = VAULT.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::tempdir().unwrap();
        let mut limits = Limits::default();
        change(&mut limits);
        let service = Service::for_tests_with(directory.path(), limits);
        let pins = Payload::Plain(b"officeruser");
        service.initialise(1000, Slot(0), &pins, 7).unwrap();
        Self { service, _directory: directory, _turn: turn }
    }

    /// Another application of a uid.
    fn application(&self, uid: u32) -> User {
        User { peer: Peer::application(&self.service, uid) }
    }

    /// Another application of a uid, with a session in which the user is logged in.
    fn user(&self, uid: u32) -> (User, u32) {
        let user = self.application(uid);
        let session = user.open().unwrap();
        let login = Login { session, user: 1 };
        user.ask(&login, b"user").unwrap();
        (user, session)
    }

    /// What another uid does all day: it opens a session, finds its key and uses it, in every way.
    fn assert_serves(&self, uid: u32) {
        let (user, session) = self.user(uid);
        let token = user.aes(session, true).unwrap();
        let template = wire(&[Attribute::bytes(a::LABEL, b"aes".to_vec())]);
        let find = FindObjects { session, after: 0 };
        let found = user.peer.call(&find, &template).unwrap();
        assert!(found.descriptions.iter().any(|found| found.object == token));
        for key in [token, user.aes(session, false).unwrap()] {
            let encrypt = EncryptData { session, key, mechanism: gcm() };
            assert_eq!(user.peer.exchange(&encrypt, b"data").unwrap().1.len(), 20);
            let mechanism = MechanismCall::plain(ckm::CKM_AES_CMAC);
            let sign = SignData { session, key, mechanism };
            assert_eq!(user.peer.exchange(&sign, b"data").unwrap().1.len(), 16);
            user.start(session, key).unwrap();
            let function = Function::Encrypt as u8;
            user.ask(&UpdateOperation { session, function }, b"data").unwrap();
            user.ask(&FinishOperation { session, function, signature: Vec::new() }, b"").unwrap();
        }
        let data = [Attribute::number(a::CLASS, 0), Attribute::bytes(a::VALUE, vec![7; 1000])];
        user.ask(&CreateObject { session }, &wire(&data)).unwrap();
        let application = user.peer.caller.application.as_ref().unwrap();
        application.close_all_sessions(Slot(0));
    }
}

struct User {
    peer: Peer,
}

impl User {
    fn ask<O: Operation>(&self, request: &O, payload: &[u8]) -> Result<O::Reply, ErrorCode> {
        self.peer.call(request, payload).map_err(|failure| failure.code())
    }

    fn open(&self) -> Result<u32, ErrorCode> {
        self.ask(&OpenSession { slot: 0, read_write: true }, &[]).map(|opened| opened.session)
    }

    fn aes(&self, session: u32, token: bool) -> Result<u32, ErrorCode> {
        let template = wire(&[
            Attribute::number(a::VALUE_LEN, 32),
            Attribute::boolean(a::TOKEN, token),
            Attribute::bytes(a::LABEL, b"aes".to_vec()),
        ]);
        let mechanism = MechanismCall::plain(ckm::CKM_AES_KEY_GEN);
        let generate = GenerateKey { session, mechanism, password_length: 0 };
        self.ask(&generate, &template).map(|made| made.object)
    }

    fn start(&self, session: u32, key: u32) -> Result<(), ErrorCode> {
        let function = Function::Encrypt as u8;
        let start = StartOperation { session, function, key, mechanism: gcm() };
        self.ask(&start, b"data").map(drop)
    }
}

fn wire(template: &[Attribute]) -> Vec<u8> {
    postcard::to_stdvec(template).unwrap()
}

fn gcm() -> MechanismCall {
    let parameter = GcmParameter { iv: vec![7; 12], aad: Vec::new(), tag_bits: 128 };
    MechanismCall::with(ckm::CKM_AES_GCM, &parameter).unwrap()
}

/// How often something is done before it is refused, and with what.
fn until_refused(mut act: impl FnMut() -> Result<(), ErrorCode>) -> (usize, ErrorCode) {
    let mut count = 0;
    loop {
        match act() {
            Ok(()) => count += 1,
            Err(code) => return (count, code),
        }
        assert!(count < 1_000_000, "there is no bound");
    }
}

#[test]
fn sessions_count_for_the_uid() {
    let device = Device::new(|limits| limits.sessions = 1024);
    let open_all = |user: &User| until_refused(|| user.open().map(drop));
    // An application has its own, and a uid what 32 of them have.
    let applications: Vec<_> = (0..32).map(|_| device.application(HOSTILE)).collect();
    for application in &applications {
        assert_eq!(open_all(application), (1024, ErrorCode::SessionCount));
    }
    let one_more = device.application(HOSTILE);
    assert_eq!(one_more.open(), Err(ErrorCode::SessionCount));
    device.assert_serves(OTHER);
    drop(applications);
    assert_eq!(open_all(&one_more), (1024, ErrorCode::SessionCount));
}

#[test]
fn session_objects_count_for_the_uid_in_number_and_in_bytes() {
    let device = Device::new(|limits| limits.session_objects = 300);
    for (bytes, most) in [(10, 300), (60_000, 280)] {
        let users = [device.user(HOSTILE), device.user(HOSTILE)];
        let data = [Attribute::number(a::CLASS, 0), Attribute::bytes(a::VALUE, vec![7; bytes])];
        let create = |(user, session): &(User, u32)| {
            user.ask(&CreateObject { session: *session }, &wire(&data)).map(drop)
        };
        let (count, refused) = until_refused(|| create(&users[0]));
        assert_eq!(refused, ErrorCode::ShareExceeded);
        assert!((most - 30..=most).contains(&count), "{count}");
        assert_eq!(create(&users[1]), Err(ErrorCode::ShareExceeded));
        device.assert_serves(OTHER);
    }
    // What was closed is given back.
    device.assert_serves(HOSTILE);
}

#[test]
fn session_keys_take_no_more_than_a_share_of_secret_memory() {
    let device = Device::new(|limits| limits.open_keys = 1);
    let users = [device.user(HOSTILE), device.user(HOSTILE)];
    let template = [Attribute::number(a::VALUE_LEN, 512), Attribute::boolean(a::TOKEN, false)];
    let make = |(user, session): &(User, u32)| {
        let mechanism = MechanismCall::plain(ckm::CKM_GENERIC_SECRET_KEY_GEN);
        let generate = GenerateKey { session: *session, mechanism, password_length: 0 };
        user.ask(&generate, &wire(&template)).map(drop)
    };
    let before = vault::status();
    let (count, refused) = until_refused(|| make(&users[0]));
    assert_eq!(refused, ErrorCode::ShareExceeded);
    assert!(count > 1000, "{count}");
    assert_eq!(make(&users[1]), Err(ErrorCode::ShareExceeded));
    // What is counted is what is taken.
    let taken = before.free - vault::status().free;
    assert!(taken * 10 > before.arena / 4 * 9 && taken * 9 < before.arena / 4 * 10, "{taken}");
    device.assert_serves(OTHER);
    drop(users);
    device.assert_serves(HOSTILE);
}

#[test]
fn many_session_keys_work_though_few_are_prepared_at_once() {
    let device = Device::new(|limits| limits.open_keys = 64);
    let (user, session) = device.user(HOSTILE);
    let before = vault::status().free;
    let keys: Vec<u32> = (0..5000).map(|_| user.aes(session, false).unwrap()).collect();
    let encrypt = |key: &u32| {
        let encrypt = EncryptData { session, key: *key, mechanism: gcm() };
        user.peer.exchange(&encrypt, b"data").unwrap().1
    };
    let first: Vec<_> = keys.iter().map(encrypt).collect();
    let again: Vec<_> = keys.iter().map(encrypt).collect();
    assert_eq!(first, again);
    assert!(first.windows(2).all(|pair| pair[0] != pair[1]));
    device.assert_serves(OTHER);
    // A key that is destroyed goes with its prepared form.
    drop(user);
    let missing = before.saturating_sub(vault::status().free);
    assert!(missing < 64 << 10, "{missing} bytes of secret memory are still taken");
}

#[test]
fn operations_under_way_take_no_more_than_a_share_of_secret_memory() {
    let device = Device::new(|limits| limits.sessions = 100_000);
    let (user, session) = device.user(HOSTILE);
    let key = user.aes(session, false).unwrap();
    let before = vault::status();
    let (count, refused) = until_refused(|| user.start(user.open()?, key));
    assert_eq!(refused, ErrorCode::ShareExceeded);
    assert!(count > 200, "{count}");
    let taken = before.free - vault::status().free;
    assert!(taken * 10 > before.arena / 4 * 8 && taken * 9 < before.arena / 4 * 10, "{taken}");
    // In a second application too, and with a token key.
    let (second, session) = device.user(HOSTILE);
    let key = second.aes(session, true).unwrap();
    assert_eq!(second.start(session, key), Err(ErrorCode::ShareExceeded));
    device.assert_serves(OTHER);
    device.assert_serves(OTHER + 1);
}

#[test]
fn secret_replies_count_until_they_are_read() {
    let device = Device::new(|_| {});
    let (user, session) = device.user(HOSTILE);
    let open = wire(&[
        Attribute::number(a::CLASS, 4),
        Attribute::number(a::KEY_TYPE, 0x10),
        Attribute::bytes(a::VALUE, vec![7; 32]),
        Attribute::boolean(a::SENSITIVE, false),
        Attribute::boolean(a::EXTRACTABLE, true),
    ]);
    let object = user.ask(&CreateObject { session }, &open).unwrap().object;
    let read = GetAttributes { session, object, kinds: vec![a::VALUE] };
    let mut unread = Vec::new();
    let refused = loop {
        match user.peer.unread(&read) {
            Ok(reply) => unread.push(reply),
            Err(failure) => break failure.code(),
        }
    };
    assert_eq!(refused, ErrorCode::ShareExceeded);
    assert!(unread.len() > 50, "{}", unread.len());
    device.assert_serves(OTHER);
    drop(unread);
    assert!(user.peer.unread(&read).is_ok());
}

#[test]
fn data_that_operations_keep_counts_for_the_uid() {
    let device = Device::new(|_| {});
    let part = vec![7; 1 << 20];
    let mechanism = MechanismCall::with(ckm::CKM_AES_CTS, &IvParameter { iv: [7; 16] }).unwrap();
    let function = Function::Encrypt as u8;
    let mut users = Vec::new();
    let keep = |user: &User, key: u32| -> Result<usize, ErrorCode> {
        let session = user.open()?;
        let start = StartOperation { session, function, key, mechanism: mechanism.clone() };
        user.ask(&start, &part)?;
        let more = || user.ask(&UpdateOperation { session, function }, &part).map(drop);
        Ok((1..16).take_while(|_| more().is_ok()).count() + 1)
    };
    // In many applications, as many as it may have connections.
    let mut kept = 0;
    let refused = loop {
        let (user, session) = device.user(HOSTILE);
        let key = user.aes(session, false).unwrap();
        match keep(&user, key) {
            Ok(parts) => kept += parts,
            Err(code) => break code,
        }
        users.push(user);
    };
    assert_eq!((refused, kept), (ErrorCode::ShareExceeded, 64));
    device.assert_serves(OTHER);
    let (other, session) = device.user(OTHER);
    let key = other.aes(session, false).unwrap();
    assert_eq!(keep(&other, key), Ok(16));
}

#[test]
fn idle_keys_make_room_for_operations() {
    let device = Device::new(|limits| {
        limits.open_keys = 100_000;
        limits.sessions = 100_000;
    });
    let (user, session) = device.user(OTHER);
    // As many open keys as the keyring keeps.
    for token in [true, false] {
        for _ in 0..400 {
            let key = user.aes(session, token).unwrap();
            user.ask(&EncryptData { session, key, mechanism: gcm() }, b"data").unwrap();
        }
    }
    let (hostile, held) = device.user(HOSTILE);
    let key = hostile.aes(held, false).unwrap();
    let (count, refused) = until_refused(|| hostile.start(hostile.open()?, key));
    assert_eq!(refused, ErrorCode::ShareExceeded);
    assert!(count > 200, "{count}");
    device.assert_serves(OTHER);
}
