//! Slots, tokens, mechanisms, logins and random numbers.

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::{ALL, ckm};
use cryptoki_sys::{
    CK_UNAVAILABLE_INFORMATION, CKF_DONT_BLOCK, CKF_DUAL_CRYPTO_OPERATIONS, CKF_EC_F_P,
    CKF_LOGIN_REQUIRED, CKF_REMOVABLE_DEVICE, CKF_RNG, CKF_SIGN, CKF_SO_PIN_LOCKED,
    CKF_TOKEN_INITIALIZED, CKF_TOKEN_PRESENT, CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY,
    CKF_USER_PIN_INITIALIZED, CKF_VERIFY, CKR_ARGUMENTS_BAD, CKR_CRYPTOKI_NOT_INITIALIZED,
    CKR_MECHANISM_INVALID, CKR_NO_EVENT, CKR_OPERATION_NOT_INITIALIZED, CKR_PIN_INCORRECT,
    CKR_PIN_LEN_RANGE, CKR_SESSION_HANDLE_INVALID, CKR_SLOT_ID_INVALID, CKR_USER_TYPE_INVALID,
    CKU_CONTEXT_SPECIFIC, CKU_USER,
};

use crate::api::{self, Mechanism};
use crate::fake::{Fake, RSA_PRIVATE};

#[test]
fn slots_and_tokens_are_those_of_the_daemon() {
    let fake = Fake::start();
    assert_eq!(api::slots(true), Ok(vec![0]));
    let slot = api::slot_info(0).unwrap();
    assert_eq!(slot.flags, CKF_REMOVABLE_DEVICE | CKF_TOKEN_PRESENT);
    assert_eq!(slot.slotDescription[..6], *b"main  ");
    api::open_session(0).unwrap();
    let token = api::token_info(0).unwrap();
    assert_eq!(token.label, *b"first token                     ");
    assert_eq!(token.serialNumber, *b"0123456789abcdef");
    assert_eq!(token.model, *b"Coffer          ");
    let pins = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_SO_PIN_LOCKED;
    let state = CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;
    assert_eq!(
        token.flags,
        CKF_RNG | CKF_LOGIN_REQUIRED | CKF_DUAL_CRYPTO_OPERATIONS | state | pins
    );
    assert_eq!((token.ulMinPinLen, token.ulMaxPinLen), (4, 255));
    assert_eq!((token.ulSessionCount, token.ulMaxSessionCount), (1, 1024));
    assert_eq!(token.ulFreePublicMemory, CK_UNAVAILABLE_INFORMATION);
    assert_eq!(api::token_info(1).err(), Some(CKR_SLOT_ID_INVALID));
    drop(fake);
}

#[test]
fn every_listed_mechanism_has_an_info_that_costs_no_request() {
    let fake = Fake::start();
    let listed = api::mechanisms(0).unwrap();
    assert_eq!(listed, ALL.iter().map(|row| row.ckm).collect::<Vec<_>>());
    fake.take_frames();
    for mechanism in listed {
        assert_ne!(api::mechanism_info(0, mechanism).unwrap().flags, 0);
    }
    let ecdsa = api::mechanism_info(0, ckm::CKM_ECDSA).unwrap();
    assert_eq!((ecdsa.ulMinKeySize, ecdsa.ulMaxKeySize), (224, 521));
    assert_eq!(
        ecdsa.flags & (CKF_SIGN | CKF_VERIFY | CKF_EC_F_P),
        CKF_SIGN | CKF_VERIFY | CKF_EC_F_P
    );
    assert_eq!(api::mechanism_info(0, 0x7777).err(), Some(CKR_MECHANISM_INVALID));
    assert!(fake.take_frames().is_empty());
}

#[test]
fn who_waits_for_an_event_learns_that_the_daemon_went_and_came() {
    let fake = Fake::start();
    assert_eq!(api::wait_for_slot_event(CKF_DONT_BLOCK), Err(CKR_NO_EVENT));
    let waiting = std::thread::spawn(|| api::wait_for_slot_event(0));
    fake.crash();
    assert_eq!(waiting.join().unwrap(), Ok(()));
    assert_eq!(api::slots(true), Ok(vec![]));
    assert_eq!(api::wait_for_slot_event(CKF_DONT_BLOCK), Err(CKR_NO_EVENT));
    let waiting = std::thread::spawn(|| api::wait_for_slot_event(0));
    fake.restart();
    assert_eq!(waiting.join().unwrap(), Ok(()));
    assert_eq!(api::slots(true), Ok(vec![0]));
    assert_eq!(api::wait_for_slot_event(CKF_DONT_BLOCK), Err(CKR_NO_EVENT));
}

#[test]
fn finalize_wakes_all_who_wait_for_an_event() {
    let _fake = Fake::start();
    for _ in 0..3 {
        let waiting: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| api::wait_for_slot_event(0))).collect();
        api::finalize().unwrap();
        for thread in waiting {
            assert_eq!(thread.join().unwrap(), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
        }
        api::initialize().unwrap();
    }
}

#[test]
fn pins_are_checked_for_what_they_are_before_they_are_sent() {
    let fake = Fake::start();
    let session = fake.session();
    assert_eq!(api::login(session, CKU_USER, None), Err(CKR_ARGUMENTS_BAD));
    assert_eq!(api::login(session, 9, Some(b"1234")), Err(CKR_USER_TYPE_INVALID));
    assert_eq!(api::login(session, CKU_USER, Some(&[0; 5000])), Err(CKR_PIN_INCORRECT));
    for pin in [&b""[..], b"123", &[0; 256]] {
        assert_eq!(api::init_pin(session, pin), Err(CKR_PIN_LEN_RANGE));
    }
    assert!(fake.take_frames().is_empty());
    assert_eq!(api::init_pin(session, b"1234"), Ok(()));
    assert_eq!(fake.state().payloads, [b"1234"]);
    fake.state().refusals.insert("Login", ErrorCode::PinLength);
    assert_eq!(api::login(session, CKU_USER, Some(b"1")), Err(CKR_PIN_INCORRECT));
}

#[test]
fn a_login_for_one_operation_needs_an_operation_that_asks_for_it() {
    let fake = Fake::start();
    let session = fake.session();
    let sign = Mechanism(ckm::CKM_RSA_PKCS, &[]);
    let login = || api::login(session, CKU_CONTEXT_SPECIFIC, Some(b"1234"));
    assert_eq!(login(), Err(CKR_OPERATION_NOT_INITIALIZED));
    api::sign_init(session, &sign, RSA_PRIVATE.into()).unwrap();
    assert_eq!(login(), Err(CKR_OPERATION_NOT_INITIALIZED));
    api::sign_cancel(session).unwrap();
    fake.change(RSA_PRIVATE, |key| key.always_authenticate = true);
    api::sign_init(session, &sign, RSA_PRIVATE.into()).unwrap();
    assert_eq!(login(), Ok(()));
    // It was given.
    assert_eq!(login(), Err(CKR_OPERATION_NOT_INITIALIZED));
    assert!(fake.take_frames().ends_with(&["AuthenticateUse"]));
}

#[test]
fn random_numbers_come_from_the_kernel_and_so_goes_a_seed_there() {
    let fake = Fake::start();
    let session = fake.session();
    let mut bytes = [0; 1000];
    api::random(session, Some(&mut bytes), 1000).unwrap();
    assert!(bytes.chunks(100).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
    assert_eq!(api::random(session, None, 0), Ok(()));
    assert_eq!(api::random(session, None, 1), Err(CKR_ARGUMENTS_BAD));
    assert_eq!(api::random(99, Some(&mut bytes), 8), Err(CKR_SESSION_HANDLE_INVALID));
    assert_eq!(api::seed_random(session, b"seed"), Ok(()));
    assert_eq!(api::seed_random(99, b"seed"), Err(CKR_SESSION_HANDLE_INVALID));
    assert!(fake.take_frames().is_empty());
}
