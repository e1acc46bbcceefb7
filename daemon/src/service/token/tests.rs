use coffer_protocol::attribute::{self, Attribute};
use coffer_protocol::error::Failure;
use coffer_protocol::frame;
use coffer_protocol::mechanism::{MechanismCall, ckm};
use coffer_protocol::operation::cipher::{self, SignData, StartOperation};
use coffer_protocol::operation::kms::CreateKey;
use coffer_protocol::operation::object::{GenerateKey, GenerateKeyPair};
use coffer_protocol::operation::token::PinState;
use coffer_protocol::operation::{Socket, system::InitPartition};

use super::*;
use crate::object::ObjectId;
use crate::service::testing::Peer;
use crate::state::pin::LOCKED_AT;

const OWNER: u32 = 1000;
const MEMBER: u32 = 1001;
const OFFICER: u32 = 0;
const USER: u32 = 1;

struct Device {
    service: Arc<Service>,
    _directory: tempfile::TempDir,
}

impl Device {
    /// With an initialised token in slot 0: `officer` and `user` are its PINs.
    fn new() -> Self {
        let device = Self::uninitialised();
        device.initialise();
        device
    }

    fn uninitialised() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { service: Service::for_tests(directory.path()), _directory: directory }
    }

    fn initialise(&self) {
        let owner = Peer::new(&self.service, OWNER, Socket::Admin);
        let request = InitPartition { name: "dev".to_owned(), so_pin_length: 7 };
        owner.call(&request, b"officeruser").unwrap();
    }

    fn application(&self, uid: u32) -> Peer {
        Peer::application(&self.service, uid)
    }

    fn token(&self, peer: &Peer) -> Token {
        let _ = self;
        peer.call(&ListTokens {}, b"").unwrap().tokens.swap_remove(0)
    }
}

fn open(peer: &Peer, read_write: bool) -> u32 {
    peer.call(&OpenSession { slot: 0, read_write }, b"").unwrap().session
}

fn login(
    peer: &Peer,
    session: u32,
    user: u32,
    pin: &[u8],
) -> std::result::Result<Nothing, ErrorCode> {
    code(peer.call(&Login { session, user }, pin))
}

fn code<T>(answer: std::result::Result<T, Failure>) -> std::result::Result<T, ErrorCode> {
    answer.map_err(|failure| failure.code())
}

const DONE: std::result::Result<Nothing, ErrorCode> = Ok(Nothing {});

#[test]
fn the_owner_sets_the_first_pin_and_then_it_is_asked_of_everybody() {
    let device = Device::uninitialised();
    let (owner, member) = (device.application(OWNER), device.application(MEMBER));
    let init = InitToken { slot: 0, label: "mine".to_owned() };
    let open = OpenSession { slot: 0, read_write: true };
    assert_eq!(code(owner.call(&open, b"")), Err(ErrorCode::TokenNotRecognized));
    assert_eq!(code(member.call(&init, b"officer")), Err(ErrorCode::PinIncorrect));
    assert_eq!(code(owner.call(&init, b"off")), Err(ErrorCode::PinIncorrect));
    assert_eq!(code(owner.call(&init, b"officer")), DONE);
    assert_eq!(device.token(&owner).so_pin_state, PinState::Fresh as u8);
    assert_eq!(code(owner.call(&init, b"another")), Err(ErrorCode::PinIncorrect));
    let again = InitToken { slot: 0, label: "ours".to_owned() };
    assert_eq!(code(member.call(&again, b"officer")), DONE);
    let token = device.token(&owner);
    assert_eq!((token.label.as_str(), token.initialised, token.user_pin), ("ours", true, false));
    assert_eq!(token.so_pin_state, PinState::CountLow as u8);
    assert_eq!(device.token(&member).so_pin_state, PinState::Fresh as u8);
}

#[test]
fn a_token_with_sessions_is_not_initialised() {
    let device = Device::new();
    let (owner, other) = (device.application(OWNER), device.application(MEMBER));
    let session = open(&other, false);
    let init = InitToken { slot: 0, label: String::new() };
    assert_eq!(code(owner.call(&init, b"officer")), Err(ErrorCode::SessionExists));
    other.call(&CloseSession { session }, b"").unwrap();
    assert_eq!(code(owner.call(&init, b"officer")), DONE);
}

#[test]
fn initialising_again_takes_the_user_pin_away() {
    let device = Device::new();
    let peer = device.application(MEMBER);
    let init = InitToken { slot: 0, label: "again".to_owned() };
    assert_eq!(code(peer.dry_run(&init, b"wrong pin")), Ok(()));
    assert!(device.token(&peer).user_pin);
    assert_eq!(code(peer.call(&init, b"officer")), DONE);
    let session = open(&peer, true);
    let tried = login(&peer, session, USER, b"user");
    assert_eq!(tried, Err(ErrorCode::UserPinNotInitialized));
    assert_eq!(login(&peer, session, OFFICER, b"officer"), DONE);
    assert_eq!(code(peer.call(&InitPin { session }, b"next")), DONE);
    peer.call(&Logout { session }, b"").unwrap();
    assert_eq!(login(&peer, session, USER, b"next"), DONE);
}

#[test]
fn slots_that_do_not_exist_and_labels_that_do_not_fit_are_refused() {
    let device = Device::new();
    let peer = device.application(OWNER);
    let open = OpenSession { slot: 9, read_write: true };
    assert_eq!(code(peer.call(&open, b"")), Err(ErrorCode::SlotInvalid));
    let close = CloseAllSessions { slot: 9 };
    assert_eq!(code(peer.call(&close, b"")), Err(ErrorCode::SlotInvalid));
    let init = InitToken { slot: 9, label: String::new() };
    assert_eq!(code(peer.call(&init, b"officer")), Err(ErrorCode::SlotInvalid));
    let init = InitToken { slot: 0, label: "x".repeat(33) };
    assert_eq!(code(peer.call(&init, b"officer")), Err(ErrorCode::ArgumentsBad));
}

#[test]
fn every_state_of_a_session_is_told() {
    let device = Device::new();
    let peer = device.application(OWNER);
    let (writing, reading) = (open(&peer, true), open(&peer, false));
    let state = |session| peer.call(&GetSessionInfo { session }, b"").unwrap().state;
    assert_eq!((state(writing), state(reading)), (2, 0));
    login(&peer, reading, USER, b"user").unwrap();
    assert_eq!((state(writing), state(reading)), (3, 1));
    let token = device.token(&peer);
    assert_eq!((token.sessions, token.rw_sessions), (2, 1));
    peer.call(&Logout { session: writing }, b"").unwrap();
    peer.call(&CloseSession { session: reading }, b"").unwrap();
    login(&peer, writing, OFFICER, b"officer").unwrap();
    assert_eq!(state(writing), 4);
    peer.call(&CloseAllSessions { slot: 0 }, b"").unwrap();
    let gone = peer.call(&GetSessionInfo { session: writing }, b"");
    assert_eq!(code(gone), Err(ErrorCode::SessionInvalid));
}

#[test]
fn a_login_is_checked_in_the_order_of_pkcs11_before_its_pin() {
    let device = Device::new();
    let peer = device.application(OWNER);
    let session = open(&peer, true);
    assert_eq!(login(&peer, 99, 7, b"user"), Err(ErrorCode::SessionInvalid));
    assert_eq!(login(&peer, session, 7, b"user"), Err(ErrorCode::UserTypeInvalid));
    assert_eq!(login(&peer, session, 2, b"user"), Err(ErrorCode::OperationNotStarted));
    let reading = open(&peer, false);
    assert_eq!(login(&peer, session, OFFICER, b"wrong"), Err(ErrorCode::SessionReadOnlyExists));
    peer.call(&CloseSession { session: reading }, b"").unwrap();
    assert_eq!(login(&peer, session, USER, b"user"), DONE);
    assert_eq!(login(&peer, session, USER, b"wrong"), Err(ErrorCode::UserAlreadyLoggedIn));
    assert_eq!(login(&peer, session, OFFICER, b"wrong"), Err(ErrorCode::UserAnotherLoggedIn));
    assert_eq!(device.token(&peer).user_pin_state, PinState::Fresh as u8);
}

#[test]
fn a_dry_run_of_a_login_tries_no_pin_and_logs_nobody_in() {
    let device = Device::new();
    let peer = device.application(OWNER);
    let session = open(&peer, true);
    assert_eq!(code(peer.dry_run(&Login { session, user: USER }, b"wrong")), Ok(()));
    assert_eq!(device.token(&peer).user_pin_state, PinState::Fresh as u8);
    let logout = peer.call(&Logout { session }, b"");
    assert_eq!(code(logout), Err(ErrorCode::UserNotLoggedIn));
}

#[test]
fn a_login_is_of_one_application() {
    let device = Device::new();
    let (one, two) = (device.application(OWNER), device.application(OWNER));
    let (first, second) = (open(&one, true), open(&two, true));
    login(&one, first, USER, b"user").unwrap();
    let info = two.call(&GetSessionInfo { session: second }, b"").unwrap();
    assert_eq!(info.state, SessionState::ReadWritePublic as u8);
}

#[test]
fn the_user_pin_is_set_by_the_security_officer_only() {
    let device = Device::new();
    let peer = device.application(OWNER);
    let session = open(&peer, true);
    let init = InitPin { session };
    assert_eq!(code(peer.call(&init, b"next")), Err(ErrorCode::UserNotLoggedIn));
    login(&peer, session, USER, b"user").unwrap();
    assert_eq!(code(peer.call(&init, b"next")), Err(ErrorCode::UserNotLoggedIn));
    peer.call(&Logout { session }, b"").unwrap();
    login(&peer, session, OFFICER, b"officer").unwrap();
    assert_eq!(code(peer.call(&init, b"nex")), Err(ErrorCode::PinLength));
    assert_eq!(code(peer.call(&init, b"next")), DONE);
}

#[test]
fn a_locked_user_is_freed_by_the_officer_and_a_locked_officer_by_the_owner() {
    let device = Device::new();
    let (locked, officer) = (device.application(MEMBER), device.application(OWNER));
    let (session, theirs) = (open(&locked, true), open(&officer, true));
    for who in [USER, OFFICER] {
        for _ in 0..LOCKED_AT {
            assert_eq!(login(&locked, session, who, b"wrong"), Err(ErrorCode::PinIncorrect));
        }
    }
    assert_eq!(login(&locked, session, USER, b"user"), Err(ErrorCode::PinLocked));
    let change = SetPin { session, old_length: 4 };
    assert_eq!(code(locked.call(&change, b"usernext")), Err(ErrorCode::PinLocked));
    login(&officer, theirs, OFFICER, b"officer").unwrap();
    officer.call(&InitPin { session: theirs }, b"next").unwrap();
    assert_eq!(login(&locked, session, USER, b"next"), DONE);
    locked.call(&Logout { session }, b"").unwrap();
    assert_eq!(login(&locked, session, OFFICER, b"officer"), Err(ErrorCode::PinLocked));
    device.initialise();
    assert_eq!(login(&locked, session, OFFICER, b"officer"), DONE);
}

#[test]
fn a_pin_is_changed_by_who_is_logged_in_or_for_the_user_by_who_is_not() {
    let device = Device::new();
    let peer = device.application(OWNER);
    let session = open(&peer, true);
    let change = |old: &[u8], new: &[u8]| {
        let old_length = u32::try_from(old.len()).unwrap();
        code(peer.call(&SetPin { session, old_length }, &[old, new].concat()))
    };
    assert_eq!(change(b"user", b"next"), DONE);
    assert_eq!(change(b"user", b"last"), Err(ErrorCode::PinIncorrect));
    assert_eq!(device.token(&peer).user_pin_state, PinState::CountLow as u8);
    assert_eq!(change(b"next", b"new"), Err(ErrorCode::PinLength));
    login(&peer, session, USER, b"next").unwrap();
    assert_eq!(change(b"next", b"user"), DONE);
    peer.call(&Logout { session }, b"").unwrap();
    login(&peer, session, OFFICER, b"officer").unwrap();
    assert_eq!(change(b"user", b"next"), Err(ErrorCode::PinIncorrect));
    assert_eq!(change(b"officer", b"general"), DONE);
    peer.call(&Logout { session }, b"").unwrap();
    login(&peer, session, OFFICER, b"general").unwrap();
}

#[test]
fn a_pin_is_not_changed_in_a_read_only_session() {
    let device = Device::new();
    let peer = device.application(OWNER);
    let session = open(&peer, false);
    let change = SetPin { session, old_length: 4 };
    assert_eq!(code(peer.call(&change, b"usernext")), Err(ErrorCode::SessionReadOnly));
    let change = SetPin { session, old_length: 9 };
    assert_eq!(code(peer.call(&change, b"usernext")), Err(ErrorCode::Malformed));
}

#[test]
fn initialising_again_destroys_what_applications_made_and_keeps_cmks_whole() {
    let device = Device::new();
    let (owner, peer) = (Peer::new(&device.service, OWNER, Socket::App), device.application(OWNER));
    let cmk = owner.call(&cmk("app", "ASYMMETRIC_SIGN_VERIFY_ECC"), b"").unwrap().key_id;
    let session = open(&peer, true);
    login(&peer, session, USER, b"user").unwrap();
    let template = vec![
        Attribute::boolean(attribute::TOKEN, true),
        Attribute::number(attribute::VALUE_LEN, 32),
    ];
    let mechanism = MechanismCall { mechanism: ckm::CKM_AES_KEY_GEN, parameter: Vec::new() };
    let generate = GenerateKey { session, mechanism, password_length: 0 };
    peer.call(&generate, &frame::encode_meta(&template).unwrap()).unwrap();
    let ids = || device.service.registry.objects(Slot(0)).iter().map(|o| o.id).collect::<Vec<_>>();
    assert_eq!(ids().len(), 3);
    peer.call(&CloseAllSessions { slot: 0 }, b"").unwrap();
    peer.call(&InitToken { slot: 0, label: "new".to_owned() }, b"officer").unwrap();
    let cmk = ObjectId::parse(&cmk).unwrap();
    assert_eq!(ids().len(), 2);
    assert!(ids().contains(&cmk) && ids().contains(&cmk::public_half_id(cmk)));
}

fn cmk(alias: &str, usage: &str) -> CreateKey {
    CreateKey {
        alias: alias.to_owned(),
        description: None,
        key_usage: Some(usage.to_owned()),
        key_spec: None,
        key_type: None,
        tags: None,
        hsm_cluster: None,
        client_token: None,
        rotate_days: None,
    }
}

/// A P-256 pair of the session whose private key asks for the PIN each time: its private key.
fn asking_key(peer: &Peer, session: u32) -> u32 {
    // RFC 5480: the object identifier of P-256.
    let p256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let template = |attributes: &[Attribute]| frame::encode_meta(&attributes.to_vec()).unwrap();
    let public = template(&[Attribute::bytes(attribute::EC_PARAMS, p256)]);
    let private = template(&[Attribute::boolean(attribute::ALWAYS_AUTHENTICATE, true)]);
    let mechanism = MechanismCall::plain(ckm::CKM_EC_KEY_PAIR_GEN);
    let public_length = u32::try_from(public.len()).unwrap();
    let request = GenerateKeyPair { session, mechanism, public_length };
    peer.call(&request, &[public, private].concat()).unwrap().private.object
}

fn sign(peer: &Peer, session: u32, key: u32) -> std::result::Result<(), ErrorCode> {
    let mechanism = MechanismCall::plain(ckm::CKM_ECDSA_SHA256);
    code(peer.call(&SignData { session, key, mechanism }, b"data")).map(drop)
}

#[test]
fn a_pin_is_spent_by_one_use_of_its_key_in_its_session() {
    let device = Device::new();
    let peer = device.application(MEMBER);
    let (session, other) = (open(&peer, true), open(&peer, true));
    login(&peer, session, USER, b"user").unwrap();
    let (key, second) = (asking_key(&peer, session), asking_key(&peer, session));
    let refused = Err(ErrorCode::UserNotLoggedIn);
    let authenticate = |key| code(peer.call(&AuthenticateUse { session, key }, b"user"));
    assert_eq!(sign(&peer, session, key), refused);
    assert_eq!(authenticate(key), DONE);
    assert_eq!(sign(&peer, other, key), refused);
    assert_eq!(sign(&peer, session, second), refused);
    assert_eq!(sign(&peer, session, key), Ok(()));
    assert_eq!(sign(&peer, session, key), refused);
    // The PIN for another key takes its place.
    assert_eq!(authenticate(key), DONE);
    assert_eq!(authenticate(second), DONE);
    assert_eq!(sign(&peer, session, key), refused);
    assert_eq!(sign(&peer, session, second), Ok(()));
    // One of several parts spends it when it starts.
    let start = || {
        let mechanism = MechanismCall::plain(ckm::CKM_ECDSA_SHA256);
        let function = cipher::Function::Sign as u8;
        code(peer.call(&StartOperation { session, function, key, mechanism }, b"data")).map(drop)
    };
    assert_eq!(start(), refused);
    assert_eq!(authenticate(key), DONE);
    assert_eq!(start(), Ok(()));
    assert_eq!(sign(&peer, session, key), refused);
    // The login takes it with it.
    assert_eq!(authenticate(key), DONE);
    peer.call(&Logout { session }, b"").unwrap();
    let nobody = peer.call(&AuthenticateUse { session, key }, b"user");
    assert_eq!(code(nobody), Err(ErrorCode::UserNotLoggedIn));
}

#[test]
fn a_wrong_pin_for_one_use_counts_and_a_locked_one_ends_the_login() {
    let device = Device::new();
    let peer = device.application(MEMBER);
    let session = open(&peer, true);
    login(&peer, session, USER, b"user").unwrap();
    let key = asking_key(&peer, session);
    let authenticate = |pin: &[u8]| code(peer.call(&AuthenticateUse { session, key }, pin));
    assert_eq!(authenticate(b"wrong"), Err(ErrorCode::PinIncorrect));
    assert_eq!(device.token(&peer).user_pin_state, PinState::CountLow as u8);
    assert_eq!(authenticate(b"user"), DONE);
    assert_eq!(device.token(&peer).user_pin_state, PinState::Fresh as u8);
    for _ in 0..LOCKED_AT {
        assert_eq!(authenticate(b"wrong"), Err(ErrorCode::PinIncorrect));
    }
    assert_eq!(authenticate(b"user"), Err(ErrorCode::PinLocked));
    let info = peer.call(&GetSessionInfo { session }, b"").unwrap();
    assert_eq!(info.state, SessionState::ReadWritePublic as u8);
}
