//! Messages signed and verified with one key.

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{ec, hmac, rsa};
use coffer_tests::c::{Session, plain};

#[test]
fn every_message_has_its_signature_whole_and_in_parts() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (ec_public, ec_private) = ec(session, &[], &[]);
        let (rsa_public, rsa_private) = rsa(session, &[]);
        let secret = hmac(session);
        let large = vec![8; 700 << 10];
        for (mechanism, signing, verifying) in [
            (CKM_ECDSA_SHA256, ec_private, ec_public),
            (CKM_SHA256_RSA_PKCS, rsa_private, rsa_public),
            (CKM_SHA256_HMAC, secret, secret),
        ] {
            let mechanism = plain(mechanism);
            session.message_sign_init(Some(&mechanism), signing).unwrap();
            session.message_verify_init(Some(&mechanism), verifying).unwrap();
            for data in [&b""[..], b"one", b"two", &large] {
                let whole = session.sign_message(data).unwrap();
                session.verify_message(data, &whole).unwrap();
                session.sign_message_begin().unwrap();
                let (first, rest) = data.split_at(data.len() / 2);
                session.sign_message_part(first).unwrap();
                let parts = session.sign_message_last(rest).unwrap();
                session.verify_message(data, &parts).unwrap();
                session.verify_message_begin().unwrap();
                session.verify_message_next(first, None).unwrap();
                session.verify_message_next(rest, Some(&whole)).unwrap();
                // A wrong one ends itself, not the process.
                let wrong = session.verify_message(b"other", &whole);
                assert_eq!(wrong, Err(CKR_SIGNATURE_INVALID));
                session.verify_message_begin().unwrap();
                session.verify_message_next(b"other", None).unwrap();
                let wrong = session.verify_message_next(b"", Some(&whole));
                assert_eq!(wrong, Err(CKR_SIGNATURE_INVALID));
                let after = session.verify_message_next(b"", Some(&whole));
                assert_eq!(after, Err(CKR_OPERATION_NOT_INITIALIZED));
                let short = session.verify_message(data, &whole[1..]);
                assert_eq!(short, Err(CKR_SIGNATURE_LEN_RANGE));
            }
            session.message_sign_final().unwrap();
            session.message_verify_final().unwrap();
        }
    });
}

#[test]
fn calls_have_an_order() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let secret = hmac(session);
        let mac = plain(CKM_SHA256_HMAC);
        assert_eq!(session.sign_message(b"data"), Err(CKR_OPERATION_NOT_INITIALIZED));
        session.message_sign_init(Some(&mac), secret).unwrap();
        assert_eq!(session.sign_message_part(b"data"), Err(CKR_OPERATION_NOT_INITIALIZED));
        assert_eq!(session.sign_message_last(b"data"), Err(CKR_OPERATION_NOT_INITIALIZED));
        session.sign_message_begin().unwrap();
        assert_eq!(session.sign_message_begin(), Err(CKR_OPERATION_ACTIVE));
        assert_eq!(session.sign_message(b"data"), Err(CKR_OPERATION_ACTIVE));
        assert_eq!(session.sign_message_last(b"data").unwrap().len(), 32);
        session.message_sign_final().unwrap();
        assert_eq!(session.message_sign_final(), Err(CKR_OPERATION_NOT_INITIALIZED));
        let init = session.message_sign_init(Some(&plain(CKM_AES_GCM)), secret);
        assert_eq!(init, Err(CKR_MECHANISM_PARAM_INVALID));
        let init = session.message_sign_init(Some(&plain(CKM_RSA_PKCS)), secret);
        assert_eq!(init, Err(CKR_KEY_TYPE_INCONSISTENT));
    });
}
