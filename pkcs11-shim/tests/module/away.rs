//! A daemon that is not there, goes away, or comes back.

use coffer_client::connection::{ConnectOptions, Connection, Role};
use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::ckm;
use cryptoki_sys::{
    CKF_REMOVABLE_DEVICE, CKF_TOKEN_PRESENT, CKR_DEVICE_REMOVED, CKR_KEY_HANDLE_INVALID, CKR_OK,
    CKR_SESSION_HANDLE_INVALID, CKR_SLOT_ID_INVALID, CKR_TOKEN_NOT_PRESENT,
};

use crate::api::{self, Mechanism};
use crate::fake::{Fake, RSA_PRIVATE};

const SIGN: Mechanism<'_> = Mechanism(ckm::CKM_SHA256_RSA_PKCS, &[]);

#[test]
fn without_a_daemon_there_are_no_slots_and_no_errors() {
    let _alone = api::alone();
    api::use_socket("/nonexistent/coffer.sock".as_ref());
    api::initialize().unwrap();
    assert_eq!(api::slots(false), Ok(vec![]));
    assert_eq!(api::slots(true), Ok(vec![]));
    assert_eq!(api::slot_info(0).err(), Some(CKR_SLOT_ID_INVALID));
    assert_eq!(api::open_session(0), Err(CKR_SLOT_ID_INVALID));
    assert_eq!(api::session_state(1), Err(CKR_SESSION_HANDLE_INVALID));
    api::finalize().unwrap();
}

#[test]
fn a_call_that_loses_the_daemon_says_so_and_later_ones_have_no_session() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &SIGN, RSA_PRIVATE.into()).unwrap();
    fake.state().hang_up_at = Some("SignData");
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_DEVICE_REMOVED);
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_SESSION_HANDLE_INVALID);
    assert_eq!(api::session_state(session), Err(CKR_SESSION_HANDLE_INVALID));
    assert_eq!(api::close_session(session), Err(CKR_SESSION_HANDLE_INVALID));
}

/// A stopped daemon takes connections into its queue and says nothing. The module is patient once, as it may be about to
/// serve. Then another client, which has the usual time for it, is the clock: meanwhile the module has tried more than
/// once, and given the tokens up each time.
#[test]
fn a_daemon_that_hangs_is_away_sooner_than_for_others() {
    let _alone = api::alone();
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("coffer.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    api::use_socket(&socket);
    api::initialize().unwrap();
    assert_eq!(api::slots(true), Ok(vec![]));
    let path = socket.clone();
    let other = std::thread::spawn(move || {
        let options = ConnectOptions::new(Role::Service, "patient");
        Connection::open(&path, &options).map(drop)
    });
    let mut answers = 0;
    while !other.is_finished() {
        assert_eq!(api::slots(true), Ok(vec![]));
        answers += 1;
        std::thread::yield_now();
    }
    assert!(other.join().unwrap().is_err());
    listener.set_nonblocking(true).unwrap();
    // Without the first, and that of the other client.
    let tried = listener.incoming().take_while(Result::is_ok).count() - 2;
    assert!(tried >= 2, "{tried} attempts");
    // Between attempts it answers at once.
    assert!(answers > tried, "{answers} answers, {tried} attempts");
    api::finalize().unwrap();
}

#[test]
fn while_the_daemon_is_away_the_slots_stay_without_tokens() {
    let fake = Fake::start();
    assert_eq!(api::slots(true), Ok(vec![0]));
    fake.crash();
    assert_eq!(api::slots(true), Ok(vec![]));
    assert_eq!(api::slots(false), Ok(vec![0]));
    assert_eq!(api::slot_info(0).unwrap().flags, CKF_REMOVABLE_DEVICE);
    assert_eq!(api::token_info(0).err(), Some(CKR_TOKEN_NOT_PRESENT));
    assert_eq!(api::mechanisms(0), Err(CKR_TOKEN_NOT_PRESENT));
    assert_eq!(api::open_session(0), Err(CKR_TOKEN_NOT_PRESENT));
    assert_eq!(api::open_session(1), Err(CKR_SLOT_ID_INVALID));
}

#[test]
fn the_same_process_goes_on_with_a_daemon_that_was_started_again() {
    let fake = Fake::start();
    let old = fake.session();
    fake.crash();
    fake.restart();
    let new = api::open_session(0).unwrap();
    assert_eq!(api::slot_info(0).unwrap().flags, CKF_REMOVABLE_DEVICE | CKF_TOKEN_PRESENT);
    assert_eq!(api::session_state(old), Err(CKR_SESSION_HANDLE_INVALID));
    assert_eq!(api::session_state(new), Ok(2));
    // A handle from before names nothing, even if the daemon gives the same number again.
    assert_eq!(api::sign_init(new, &SIGN, RSA_PRIVATE.into()), Err(CKR_KEY_HANDLE_INVALID));
    api::find_init(new, &[]).unwrap();
    let key = api::find(new, 1).unwrap()[0];
    api::sign_init(new, &SIGN, key).unwrap();
    assert_eq!(api::sign(new, b"data", Some(256)).rv, CKR_OK);
}

#[test]
fn a_sealed_daemon_has_slots_without_tokens_and_its_sessions_are_invalid() {
    let fake = Fake::start();
    let session = fake.session();
    for name in ["ListTokens", "GetSessionInfo", "OpenSession"] {
        fake.state().refusals.insert(name, ErrorCode::Unavailable);
    }
    assert_eq!(api::token_info(0).err(), Some(CKR_TOKEN_NOT_PRESENT));
    assert_eq!(api::open_session(0), Err(CKR_TOKEN_NOT_PRESENT));
    assert_eq!(api::session_state(session), Err(CKR_SESSION_HANDLE_INVALID));
}
