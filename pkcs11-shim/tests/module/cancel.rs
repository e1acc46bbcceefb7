//! C_SessionCancel from another thread, while a call with the session runs.
#![expect(clippy::unwrap_used, reason = "a failure is the test's")]

use std::sync::mpsc::{Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use coffer_protocol::mechanism::ckm;
use cryptoki_sys::{
    CK_FLAGS, CKF_ENCRYPT, CKF_GENERATE, CKF_GENERATE_KEY_PAIR, CKF_MESSAGE_SIGN, CKF_SIGN,
    CKR_FUNCTION_CANCELED, CKR_OPERATION_CANCEL_FAILED, CKR_OPERATION_NOT_INITIALIZED,
};

use crate::api::{self, Answer, Mechanism};
use crate::fake::{AES, Fake, RIGHT, RSA_PRIVATE};

const RSA: Mechanism<'_> = Mechanism(ckm::CKM_SHA256_RSA_PKCS, &[]);
const CBC: Mechanism<'_> = Mechanism(ckm::CKM_AES_CBC, &[0; 16]);
/// Five frames of data.
const LARGE: usize = 5 << 20;

/// Cancels in a thread of its own, and comes back once that thread waits for something.
fn cancel<'s>(
    scope: &'s Scope<'s, '_>,
    session: u64,
    flags: CK_FLAGS,
) -> ScopedJoinHandle<'s, Answer<()>> {
    let (tell, told) = channel();
    let cancelling = scope.spawn(move || {
        let tell: Sender<i32> = tell;
        tell.send(nix::unistd::gettid().as_raw()).unwrap();
        api::session_cancel(session, flags)
    });
    let id = told.recv().unwrap();
    let begun = Instant::now();
    while !cancelling.is_finished() && !is_asleep(id) {
        assert!(begun.elapsed() < Duration::from_mins(1));
        thread::yield_now();
    }
    cancelling
}

/// Whether a thread of this process sleeps.
fn is_asleep(id: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/self/task/{id}/stat"));
    state.is_ok_and(|state| state.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S')))
}

#[test]
fn a_long_signature_ends_between_two_frames() {
    let fake = Fake::start();
    let session = fake.session();
    let data = vec![7; LARGE];
    api::sign_init(session, &RSA, RSA_PRIVATE.into()).unwrap();
    let held = fake.hold("UpdateOperation");
    thread::scope(|scope| {
        let signing = scope.spawn(|| api::sign(session, &data, Some(256)).rv);
        held.wait();
        let cancelling = cancel(scope, session, CKF_SIGN);
        assert!(!cancelling.is_finished(), "the call is in the midst of a request");
        held.release();
        assert_eq!(signing.join().unwrap(), CKR_FUNCTION_CANCELED);
        assert_eq!(cancelling.join().unwrap(), Ok(()));
    });
    assert_eq!(fake.take_frames(), ["StartOperation", "UpdateOperation", "CancelOperation"]);
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_OPERATION_NOT_INITIALIZED);
    // What was asked for is over with the call that asked.
    api::sign_init(session, &RSA, RSA_PRIVATE.into()).unwrap();
    assert_eq!(api::sign(session, &data, Some(256)).unwrap(), RIGHT);
}

#[test]
fn a_long_encryption_in_parts_ends_too_and_the_daemon_is_told() {
    let fake = Fake::start();
    let session = fake.session();
    let data = vec![7; LARGE];
    api::encrypt_init(session, &CBC, AES.into()).unwrap();
    let held = fake.hold("UpdateOperation");
    thread::scope(|scope| {
        let encrypting = scope.spawn(|| api::encrypt_update(session, &data, Some(LARGE)).rv);
        held.wait();
        let cancelling = cancel(scope, session, CKF_ENCRYPT);
        held.release();
        assert_eq!(encrypting.join().unwrap(), CKR_FUNCTION_CANCELED);
        assert_eq!(cancelling.join().unwrap(), Ok(()));
    });
    assert_eq!(fake.take_frames(), ["StartOperation", "UpdateOperation", "CancelOperation"]);
    assert_eq!(api::encrypt_final(session, Some(16)).rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn other_operations_are_not_ended() {
    let fake = Fake::start();
    let session = fake.session();
    let data = vec![7; LARGE];
    for flags in [CKF_ENCRYPT, CKF_MESSAGE_SIGN, !CKF_SIGN] {
        api::sign_init(session, &RSA, RSA_PRIVATE.into()).unwrap();
        let held = fake.hold("UpdateOperation");
        thread::scope(|scope| {
            let signing = scope.spawn(|| api::sign(session, &data, Some(256)));
            held.wait();
            let cancelling = cancel(scope, session, flags);
            held.release();
            assert_eq!(signing.join().unwrap().unwrap(), RIGHT);
            assert_eq!(cancelling.join().unwrap(), Ok(()));
        });
    }
}

#[test]
fn what_is_made_at_one_stroke_is_past_its_point_of_no_return() {
    let fake = Fake::start();
    let session = fake.session();
    let mechanism = Mechanism(ckm::CKM_AES_KEY_GEN, &[]);
    let held = fake.hold("GenerateKey");
    thread::scope(|scope| {
        let making = scope.spawn(|| api::generate(session, &mechanism, &[]));
        held.wait();
        // Nobody waits for the daemon to learn that.
        let refused = api::session_cancel(session, CKF_GENERATE | CKF_SIGN);
        assert_eq!(refused, Err(CKR_OPERATION_CANCEL_FAILED));
        assert_eq!(api::session_cancel(session, CKF_GENERATE_KEY_PAIR | CKF_SIGN), Ok(()));
        held.release();
        assert_eq!(making.join().unwrap(), Ok(AES.into()));
    });
    assert_eq!(api::session_cancel(session, CKF_GENERATE), Ok(()));
    assert_eq!(fake.take_frames(), ["GenerateKey"]);
    assert_eq!(api::session_state(session), Ok(2));
}
