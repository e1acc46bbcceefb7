//! The gate against the operation table: every operation, by every kind of caller, on both sockets, in every state of
//! the device. And a dry run of every operation, which changes nothing.
#![expect(clippy::unwrap_used, reason = "what is unexpected fails the test")]

mod asks;
#[path = "../known/mod.rs"]
mod known;

use std::sync::Arc;

use coffer_daemon::crypto;
use coffer_daemon::service::testing::Peer;
use coffer_daemon::service::{Incoming, Payload, ReplyPayload, Service, dispatch};
use coffer_daemon::state::device::{Event, State};
use coffer_protocol::ErrorCode;
use coffer_protocol::error::Failure;
use coffer_protocol::frame::{self, Flags};
use coffer_protocol::message::json::{base64, from_base64};
use coffer_protocol::message::{Bytes, Message};
use coffer_protocol::operation::token::{ListTokens, Login};
use coffer_protocol::operation::{self, Access, Row, Socket, When, backup, kms, system};
use serde_json::{Value, json};

use asks::{Ask, Names, PASSPHRASE, SESSION, named, prepare};

const OWNER: u32 = 1000;
const OTHER: u32 = 1001;
const SOCKETS: [Socket; 2] = [Socket::App, Socket::Admin];

/// Who asks. Owner and other come without an application; applications are those of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Owner,
    Other,
    Public,
    User,
    Officer,
}

const CALLERS: [Who; 5] = [Who::Owner, Who::Other, Who::Public, Who::User, Who::Officer];

const NO: Result<(), ErrorCode> = Err(ErrorCode::Unauthorized);
const IN: Result<(), ErrorCode> = Err(ErrorCode::UserNotLoggedIn);
const OK: Result<(), ErrorCode> = Ok(());

/// Who may what, by hand.
#[rustfmt::skip]
const TRUTH: [(Access, [Result<(), ErrorCode>; 5]); 6] = [
    //                        owner other public user officer
    (Access::Anyone,          [OK,  OK,   OK,    OK,  OK]),
    (Access::Owner,           [OK,  NO,   NO,    NO,  NO]),
    (Access::Application,     [NO,  NO,   OK,    OK,  OK]),
    (Access::User,            [NO,  NO,   IN,    OK,  IN]),
    (Access::SecurityOfficer, [NO,  NO,   IN,    IN,  OK]),
    (Access::LoggedIn,        [NO,  NO,   IN,    OK,  OK]),
];

fn expected(row: &Row, socket: Socket, state: State, who: Who) -> Result<(), ErrorCode> {
    if (row.socket, socket) == (Socket::Admin, Socket::App) {
        return Err(ErrorCode::WrongSocket);
    }
    if row.when == When::Operational && state != State::Operational {
        return Err(ErrorCode::Unavailable);
    }
    let (_, columns) = TRUTH.iter().find(|(access, _)| *access == row.access).unwrap();
    columns[who as usize]
}

/// Asks with JSON, and gives the answer as JSON.
fn call<O: operation::Operation + Message>(peer: &Peer, fields: Value) -> Value
where
    O::Reply: Message,
{
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    let (request, payload) = O::from_json(fields).unwrap();
    let (reply, payload) = peer.exchange(&request, &payload).unwrap();
    Value::Object(reply.to_json(&payload))
}

/// Keys of all kinds that the requests ask for.
fn keys(admin: &Peer) -> Names {
    let make = |fields: Value| {
        let created = call::<kms::CreateKey>(admin, fields);
        created["KeyId"].as_str().unwrap().to_owned()
    };
    let create = |alias: &str, usage: &str| make(json!({ "Alias": alias, "KeyUsage": usage }));
    let symmetric = |alias: &str| create(alias, "ENCRYPT_DECRYPT");
    let names = Names {
        key: symmetric("key"),
        pair: create("pair", "ASYMMETRIC_SIGN_VERIFY_ECC"),
        disabled: symmetric("disabled"),
        pending: symmetric("pending"),
        archived: symmetric("archived"),
        rotating: make(json!({ "Alias": "rotating", "RotateDays": 30 })),
        bound: make(json!({ "Alias": "bound", "Tags": [{ "TagKey": "k", "TagValue": "v" }] })),
        mac: create("mac", "GENERATE_VERIFY_MAC"),
        rsa: create("rsa", "ASYMMETRIC_DECRYPT_RSA_2048"),
        sm2: create("sm2", "ASYMMETRIC_DECRYPT_SM2"),
        agreement: create("agreement", "KEY_AGREEMENT"),
        external: make(json!({ "Alias": "external", "Type": 2 })),
        imported: make(json!({ "Alias": "imported", "Type": 2 })),
        ..Names::default()
    };
    for key in [&names.disabled, &names.pending] {
        call::<kms::DisableKey>(admin, json!({ "KeyId": key }));
    }
    let pending = json!({ "KeyId": names.pending, "PendingWindowInDays": 7 });
    call::<kms::ScheduleKeyDeletion>(admin, pending);
    call::<kms::ArchiveKey>(admin, json!({ "KeyId": names.archived }));
    let bind = json!({ "KeyId": names.bound, "ProductId": "luks", "ResourceId": "disk" });
    call::<kms::BindCloudResource>(admin, bind);
    let public = call::<kms::GetPublicKey>(admin, json!({ "KeyId": names.agreement }));
    let parameters = |key: &str| {
        let fields = json!({ "KeyId": key, "WrappingAlgorithm": "SM2", "WrappingKeySpec": "SM2" });
        call::<kms::GetParametersForImport>(admin, fields)
    };
    let token = parameters(&names.external)["ImportToken"].clone();
    let wrapping = parameters(&names.imported);
    let spki = from_base64(&wrapping["PublicKey"]).unwrap();
    let key = crypto::PublicKey::from_spki(&spki).unwrap();
    let wrapped = crypto::sm2_encrypt(&key, crypto::sm2::Form::Asn1, &[7; 32]).unwrap();
    let import = json!({
        "KeyId": names.imported,
        "EncryptedKeyMaterial": base64(&wrapped),
        "ImportToken": wrapping["ImportToken"],
    });
    call::<kms::ImportKeyMaterial>(admin, import);
    Names { public_key: public["PublicKey"].clone(), token, ..names }
}

struct Device {
    service: Arc<Service>,
    names: Names,
    _directory: tempfile::TempDir,
}

impl Device {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = Service::for_tests(directory.path());
        let admin = Peer::new(&service, OWNER, Socket::Admin);
        let init = system::InitPartition { name: "dev".to_owned(), so_pin_length: 7 };
        admin.call(&init, b"officeruser").unwrap();
        let names = keys(&admin);
        let mut device = Self { service, names, _directory: directory };
        let encrypt = json!({ "KeyId": device.names.key, "Plaintext": "c2VjcmV0" });
        let blob = device.send(&admin, &named::<kms::Encrypt>(encrypt), Flags::NONE).unwrap();
        base64(&blob).as_str().unwrap().clone_into(&mut device.names.ciphertext);
        device.begin_transfers(&admin);
        device
    }

    /// A backup, a restore and a check under way, for requests that go on with them.
    fn begin_transfers(&mut self, admin: &Peer) {
        admin.call(&backup::StartBackup {}, PASSPHRASE).unwrap();
        let (_, part) = admin.exchange(&backup::ReadBackupPart {}, b"").unwrap();
        let header = part[..backup::HEADER_LENGTH].to_vec();
        admin.call(&backup::StartBackup {}, PASSPHRASE).unwrap();
        let restore = backup::StartRestore { header: Bytes(header.clone()) };
        admin.call(&restore, PASSPHRASE).unwrap();
        admin.call(&backup::StartStoreCheck {}, b"").unwrap();
        self.names.header = header;
    }

    /// A caller, with what it needs to have everything in place that a request may name.
    fn caller(&self, who: Who, socket: Socket) -> Peer {
        let mut peer = match who {
            Who::Owner => return Peer::new(&self.service, OWNER, socket),
            Who::Other => return Peer::new(&self.service, OTHER, socket),
            Who::Public | Who::User | Who::Officer => Peer::application(&self.service, OTHER),
        };
        peer.caller.socket = socket;
        prepare(&peer);
        let login = match who {
            Who::User => Some((1, "user")),
            Who::Officer => Some((0, "officer")),
            Who::Owner | Who::Other | Who::Public => None,
        };
        if let Some((user, pin)) = login {
            peer.call(&Login { session: SESSION, user }, pin.as_bytes()).unwrap();
        }
        peer
    }

    /// The payload of the answer.
    fn send(&self, peer: &Peer, ask: &Ask, flags: Flags) -> Result<Vec<u8>, ErrorCode> {
        let payload = Payload::Plain(&ask.payload);
        let incoming = Incoming { operation: ask.row.number, flags, meta: &ask.meta, payload };
        let answer = dispatch(&self.service, &peer.caller, incoming);
        if answer.flags.contains(Flags::FAILED) {
            return Err(frame::decode_meta::<Failure>(&answer.meta).unwrap().code());
        }
        assert_eq!(answer.flags.contains(Flags::DRY_RUN), flags.contains(Flags::DRY_RUN));
        match answer.payload {
            ReplyPayload::Plain(bytes) => Ok(bytes.to_vec()),
            _ => Ok(Vec::new()),
        }
    }

    fn asks(&self) -> Vec<Ask> {
        asks::all(&self.names)
    }
}

/// What the gate decided: a handler never gives these codes for the requests of this test.
fn decision(answer: &Result<Vec<u8>, ErrorCode>) -> Result<(), ErrorCode> {
    use ErrorCode::{Unauthorized, Unavailable, UserNotLoggedIn, WrongSocket};
    match answer {
        Err(code @ (Unauthorized | Unavailable | UserNotLoggedIn | WrongSocket)) => Err(*code),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn compare(device: &Device, state: State, peers: &[(Socket, Who, Peer)]) {
    assert_eq!(device.service.device.state(), state);
    for ask in device.asks() {
        for (socket, who, peer) in peers {
            let decided = decision(&device.send(peer, &ask, Flags::DRY_RUN));
            let expected = expected(ask.row, *socket, state, *who);
            assert_eq!(decided, expected, "{} {state:?} {socket:?} {who:?}", ask.row.name);
        }
    }
}

#[test]
fn the_gate_decides_as_the_table_says() {
    let device = Device::new();
    let peers: Vec<_> = SOCKETS
        .into_iter()
        .flat_map(|socket| CALLERS.map(|who| (socket, who, device.caller(who, socket))))
        .collect();
    compare(&device, State::Operational, &peers);
    device.service.device.apply(Event::Seal).unwrap();
    compare(&device, State::Sealed, &peers);
    device.service.device.apply(Event::Unseal).unwrap();
    compare(&device, State::Operational, &peers);
    device.service.device.apply(Event::SelfTestFailed).unwrap();
    compare(&device, State::Failed, &peers);
}

#[test]
fn every_operation_has_a_request_in_this_test() {
    let rows: Vec<_> = Device::new().asks().iter().map(|ask| ask.row.name).collect();
    let all: Vec<_> = operation::ALL.iter().map(|row| row.name).collect();
    assert_eq!(rows, all);
}

#[test]
fn an_operation_that_is_not_in_the_table_is_refused() {
    let device = Device::new();
    let peer = device.caller(Who::Owner, Socket::Admin);
    let meta = Vec::new();
    let incoming = Incoming {
        operation: 0x7777,
        flags: Flags::NONE,
        meta: &meta,
        payload: Payload::Plain(b""),
    };
    let answer = dispatch(&device.service, &peer.caller, incoming);
    let failure: Failure = frame::decode_meta(&answer.meta).unwrap();
    assert_eq!(failure.code(), ErrorCode::UnknownOperation);
}

/// Everything that an operation could have changed.
fn everything(device: &Device, peer: &Peer) -> Vec<u8> {
    let tokens = peer.call(&ListTokens {}, b"").unwrap();
    let application = peer.caller.application.as_ref().unwrap();
    let slot = peer.caller.partition;
    let objects = application.session_objects(slot).len();
    let store = device.service.store.generation();
    let login = application.login(slot);
    format!("{tokens:?} {objects} {store} {login:?}").into_bytes()
}

#[test]
fn a_dry_run_of_every_operation_succeeds_for_somebody_and_changes_nothing() {
    let device = Device::new();
    let callers = CALLERS.map(|who| device.caller(who, Socket::Admin));
    let [.., user, officer] = &callers;
    let mut owner = Peer::application(&device.service, OWNER);
    owner.caller.socket = Socket::Admin;
    for ask in device.asks() {
        let before = (everything(&device, user), everything(&device, officer));
        let succeeded = callers
            .iter()
            .chain([&owner])
            .filter(|peer| device.send(peer, &ask, Flags::DRY_RUN).is_ok())
            .count();
        assert!(succeeded > 0, "{}", ask.row.name);
        let after = (everything(&device, user), everything(&device, officer));
        assert!(before == after, "{}", ask.row.name);
    }
}
