//! C_Sign and C_Verify: what is answered here, and what the daemon is asked.

use coffer_protocol::ErrorCode;
use coffer_protocol::mechanism::ckm;
use cryptoki_sys::{
    CKR_BUFFER_TOO_SMALL, CKR_DATA_LEN_RANGE, CKR_FUNCTION_NOT_SUPPORTED, CKR_FUNCTION_REJECTED,
    CKR_KEY_FUNCTION_NOT_PERMITTED, CKR_KEY_HANDLE_INVALID, CKR_KEY_TYPE_INCONSISTENT,
    CKR_MECHANISM_INVALID, CKR_MECHANISM_PARAM_INVALID, CKR_OK, CKR_OPERATION_ACTIVE,
    CKR_OPERATION_NOT_INITIALIZED, CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE,
};

use crate::api::{self, Mechanism};
use crate::fake::{AES, Fake, HMAC, RIGHT, RSA_PRIVATE, RSA_PUBLIC};

const RSA: Mechanism<'_> = Mechanism(ckm::CKM_SHA256_RSA_PKCS, &[]);
const RAW: Mechanism<'_> = Mechanism(ckm::CKM_RSA_PKCS, &[]);
const KEY: u64 = RSA_PRIVATE as u64;

#[test]
fn a_signature_with_a_known_key_is_one_frame() {
    let fake = Fake::start();
    let session = fake.session();
    for _ in 0..3 {
        api::sign_init(session, &RSA, KEY).unwrap();
        assert_eq!(api::sign(session, b"data", Some(256)).unwrap(), RIGHT);
    }
    assert_eq!(fake.take_frames(), ["SignData"; 3]);
}

#[test]
fn an_unknown_key_is_described_once() {
    let fake = Fake::start();
    let session = api::open_session(0).unwrap();
    fake.take_frames();
    for _ in 0..2 {
        api::sign_init(session, &RSA, KEY).unwrap();
        api::sign_cancel(session).unwrap();
    }
    assert_eq!(fake.take_frames(), ["DescribeObject"]);
    assert_eq!(api::sign_init(session, &RSA, 77), Err(CKR_KEY_HANDLE_INVALID));
    assert_eq!(api::sign_init(session, &RSA, 0), Err(CKR_KEY_HANDLE_INVALID));
    assert_eq!(api::sign_init(session, &RSA, u64::MAX), Err(CKR_KEY_HANDLE_INVALID));
}

#[test]
fn the_length_is_told_here_and_a_short_buffer_keeps_the_operation() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &RSA, KEY).unwrap();
    let query = api::sign(session, b"data", None);
    assert_eq!((query.rv, query.length), (CKR_OK, 256));
    let short = api::sign(session, b"data", Some(255));
    assert_eq!((short.rv, short.length), (CKR_BUFFER_TOO_SMALL, 256));
    assert!(fake.take_frames().is_empty());
    assert_eq!(api::sign(session, b"data", Some(300)).unwrap(), RIGHT);
    assert_eq!(fake.take_frames(), ["SignData"]);
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn parts_are_gathered_and_sent_as_one() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &RSA, KEY).unwrap();
    for part in [&b"da"[..], b"", b"ta"] {
        api::sign_update(session, part).unwrap();
    }
    assert_eq!(api::sign_final(session, None).length, 256);
    assert!(fake.take_frames().is_empty());
    assert_eq!(api::sign_final(session, Some(256)).unwrap(), RIGHT);
    assert_eq!(fake.state().payloads, [b"data"]);
    assert_eq!(fake.take_frames(), ["SignData"]);
}

#[test]
fn more_than_is_gathered_goes_to_the_daemon_in_parts() {
    let fake = Fake::start();
    let session = fake.session();
    let part = vec![7; 200 << 10];
    api::sign_init(session, &RSA, KEY).unwrap();
    for _ in 0..3 {
        api::sign_update(session, &part).unwrap();
    }
    assert_eq!(api::sign_final(session, Some(256)).unwrap(), RIGHT);
    assert_eq!(fake.state().payloads.concat(), vec![7; 600 << 10]);
    let expected = ["StartOperation", "UpdateOperation", "UpdateOperation", "FinishOperation"];
    assert_eq!(fake.take_frames(), expected);
}

#[test]
fn data_larger_than_a_frame_is_sent_in_parts_or_refused() {
    let fake = Fake::start();
    let session = fake.session();
    let data = vec![7; (2 << 20) + 1];
    api::sign_init(session, &RSA, KEY).unwrap();
    assert_eq!(api::sign(session, &data, Some(256)).unwrap(), RIGHT);
    assert!(fake.state().payloads.concat() == data);
    let expected = ["StartOperation", "UpdateOperation", "UpdateOperation", "FinishOperation"];
    assert_eq!(fake.take_frames(), expected);
    api::sign_init(session, &RAW, KEY).unwrap();
    assert_eq!(api::sign(session, &data, Some(256)).rv, CKR_DATA_LEN_RANGE);
    assert!(fake.take_frames().is_empty());
}

#[test]
fn a_key_that_was_disabled_is_refused_at_the_next_init() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &RSA, KEY).unwrap();
    fake.change(RSA_PRIVATE, |key| key.refusal = ErrorCode::CmkDisabled as u16);
    api::sign_cancel(session).unwrap();
    assert_eq!(api::sign_init(session, &RSA, KEY), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    fake.change(RSA_PRIVATE, |key| key.refusal = 0);
    assert_eq!(api::sign_init(session, &RSA, KEY), Ok(()));
    assert_eq!(fake.take_frames(), ["DescribeObject"; 2]);
}

#[test]
fn a_refusal_between_init_and_sign_reads_as_a_rejection_and_ends_the_operation() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &RSA, KEY).unwrap();
    fake.state().refusals.insert("SignData", ErrorCode::CmkDisabled);
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_FUNCTION_REJECTED);
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_OPERATION_NOT_INITIALIZED);
}

#[test]
fn a_key_is_used_only_for_what_it_is() {
    let fake = Fake::start();
    let session = fake.session();
    let (public, secret, mac) = (RSA_PUBLIC.into(), AES.into(), HMAC.into());
    let hmac = Mechanism(ckm::CKM_SHA256_HMAC, &[]);
    assert_eq!(api::sign_init(session, &RSA, public), Err(CKR_KEY_TYPE_INCONSISTENT));
    assert_eq!(api::sign_init(session, &RSA, secret), Err(CKR_KEY_TYPE_INCONSISTENT));
    assert_eq!(api::verify_init(session, &RSA, KEY), Err(CKR_KEY_TYPE_INCONSISTENT));
    assert_eq!(api::sign_init(session, &hmac, mac), Ok(()));
    assert_eq!(api::sign(session, b"", None).length, 32);
    fake.change(RSA_PRIVATE, |key| key.usage = 2);
    assert_eq!(api::verify_init(session, &hmac, mac), Ok(()));
    api::sign_cancel(session).unwrap();
    assert_eq!(api::sign_init(session, &RSA, KEY), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
    fake.change(RSA_PRIVATE, |key| {
        key.usage = 4;
        key.allowed_mechanisms = vec![ckm::CKM_RSA_PKCS];
    });
    assert_eq!(api::sign_init(session, &RSA, KEY), Err(CKR_MECHANISM_INVALID));
    assert_eq!(api::sign_init(session, &RAW, KEY), Ok(()));
}

#[test]
fn mechanisms_are_checked_before_anything_is_sent() {
    let fake = Fake::start();
    let session = fake.session();
    let sign = |mechanism: Mechanism<'_>| api::sign_init(session, &mechanism, KEY);
    assert_eq!(sign(Mechanism(0x7777, &[])), Err(CKR_MECHANISM_INVALID));
    assert_eq!(sign(Mechanism(ckm::CKM_AES_CBC, &[0; 16])), Err(CKR_MECHANISM_INVALID));
    assert_eq!(sign(Mechanism(ckm::CKM_SHA256_RSA_PKCS, b"x")), Err(CKR_MECHANISM_PARAM_INVALID));
    assert_eq!(sign(Mechanism(ckm::CKM_RSA_PKCS_PSS, &[])), Err(CKR_MECHANISM_PARAM_INVALID));
    let pss = |hash: u64, mgf: u64, salt: u64| [hash, mgf, salt].map(u64::to_ne_bytes).concat();
    let right = pss(ckm::CKM_SHA256, 2, 32);
    assert_eq!(
        sign(Mechanism(ckm::CKM_SHA384_RSA_PKCS_PSS, &right)),
        Err(CKR_MECHANISM_PARAM_INVALID)
    );
    assert_eq!(
        sign(Mechanism(ckm::CKM_SHA256_RSA_PKCS_PSS, &right[1..])),
        Err(CKR_MECHANISM_PARAM_INVALID)
    );
    assert_eq!(sign(Mechanism(ckm::CKM_SHA256_RSA_PKCS_PSS, &right)), Ok(()));
    assert!(fake.take_frames().is_empty());
}

#[test]
fn operations_of_one_kind_exclude_each_other_until_one_is_ended() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &RSA, KEY).unwrap();
    assert_eq!(api::sign_init(session, &RSA, KEY), Err(CKR_OPERATION_ACTIVE));
    assert_eq!(api::verify_init(session, &RSA, RSA_PUBLIC.into()), Ok(()));
    api::sign_cancel(session).unwrap();
    assert_eq!(api::sign_update(session, b"data"), Err(CKR_OPERATION_NOT_INITIALIZED));
    api::sign_init(session, &RSA, KEY).unwrap();
    api::sign_update(session, b"data").unwrap();
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_OPERATION_ACTIVE);
    assert_eq!(api::sign_final(session, Some(256)).rv, CKR_OPERATION_NOT_INITIALIZED);
    api::sign_init(session, &RAW, KEY).unwrap();
    assert_eq!(api::sign_update(session, b"data"), Err(CKR_FUNCTION_NOT_SUPPORTED));
    assert!(fake.take_frames().is_empty());
}

#[test]
fn an_operation_that_the_daemon_knows_of_is_dropped_there_too() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &RSA, KEY).unwrap();
    api::sign_update(session, &vec![0; 300 << 10]).unwrap();
    api::sign_cancel(session).unwrap();
    assert_eq!(fake.take_frames(), ["StartOperation", "UpdateOperation", "CancelOperation"]);
}

#[test]
fn verification_ends_whatever_it_says() {
    let fake = Fake::start();
    let session = fake.session();
    for (signature, expected) in [
        (RIGHT, Ok(())),
        (&RIGHT[1..], Err(CKR_SIGNATURE_INVALID)),
        (&[0; 5000], Err(CKR_SIGNATURE_LEN_RANGE)),
    ] {
        api::verify_init(session, &RSA, RSA_PUBLIC.into()).unwrap();
        assert_eq!(api::verify(session, b"data", signature), expected);
        let again = api::verify(session, b"data", signature);
        assert_eq!(again, Err(CKR_OPERATION_NOT_INITIALIZED));
    }
    assert_eq!(fake.take_frames(), ["VerifyData"; 2]);
    api::verify_init(session, &RSA, RSA_PUBLIC.into()).unwrap();
    api::verify_update(session, b"da").unwrap();
    api::verify_update(session, b"ta").unwrap();
    assert_eq!(api::verify_final(session, RIGHT), Ok(()));
    assert_eq!(fake.state().payloads, [b"data"]);
}

#[test]
fn a_key_that_is_not_visible_after_logout_is_not_known_any_more() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &RSA, KEY).unwrap();
    api::verify_init(session, &RSA, RSA_PUBLIC.into()).unwrap();
    fake.state().objects.remove(&RSA_PRIVATE);
    api::logout(session).unwrap();
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_OPERATION_NOT_INITIALIZED);
    assert_eq!(api::verify(session, b"data", RIGHT), Ok(()));
    assert_eq!(api::sign_init(session, &RSA, KEY), Err(CKR_KEY_HANDLE_INVALID));
}

#[test]
fn many_threads_sign_at_once() {
    let fake = Fake::start();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let session = api::open_session(0).unwrap();
                for _ in 0..50 {
                    api::sign_init(session, &RSA, KEY).unwrap();
                    assert_eq!(api::sign(session, b"data", Some(256)).unwrap(), RIGHT);
                }
                api::close_session(session).unwrap();
            });
        }
    });
    let signed = fake.take_frames().into_iter().filter(|name| *name == "SignData");
    assert_eq!(signed.count(), 400);
}
