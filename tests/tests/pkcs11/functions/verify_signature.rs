//! C_VerifySignatureInit and what follows: the signature comes before the data.

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{ec, hmac, rsa};
use coffer_tests::c::{Session, plain};

#[test]
fn the_signature_may_come_first() {
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
            for data in [&b"data"[..], &large] {
                session.sign_init(Some(&mechanism), signing).unwrap();
                let signature = session.sign(data).unwrap();
                let init =
                    || session.verify_signature_init(Some(&mechanism), verifying, &signature);
                init().unwrap();
                assert_eq!(session.verify_signature(data), Ok(()));
                init().unwrap();
                for part in data.chunks(100_000) {
                    session.verify_signature_update(part).unwrap();
                }
                assert_eq!(session.verify_signature_final(), Ok(()));
                init().unwrap();
                assert_eq!(session.verify_signature(b"other"), Err(CKR_SIGNATURE_INVALID));
                assert_eq!(session.verify_signature(b"other"), Err(CKR_OPERATION_NOT_INITIALIZED));
                init().unwrap();
                session.verify_signature_update(b"other").unwrap();
                assert_eq!(session.verify_signature_final(), Err(CKR_SIGNATURE_INVALID));
            }
        }
    });
}

#[test]
fn a_length_that_cannot_be_is_said_at_once() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (public, _) = ec(session, &[], &[]);
        let secret = hmac(session);
        for (mechanism, key, lengths) in [
            (CKM_ECDSA_SHA256, public, &[0, 1, 63, 65, 66, 5000][..]),
            (CKM_SHA256_HMAC, secret, &[0, 31, 33]),
        ] {
            for length in lengths {
                let init =
                    session.verify_signature_init(Some(&plain(mechanism)), key, &vec![1; *length]);
                assert_eq!(init, Err(CKR_SIGNATURE_LEN_RANGE), "{length}");
            }
        }
        assert_eq!(session.verify_signature_final(), Err(CKR_OPERATION_NOT_INITIALIZED));
    });
}

#[test]
fn it_shares_its_place_with_c_verify_but_not_its_calls() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let secret = hmac(session);
        let mac = plain(CKM_SHA256_HMAC);
        session.verify_signature_init(Some(&mac), secret, &[0; 32]).unwrap();
        assert_eq!(session.verify_init(Some(&mac), secret), Err(CKR_OPERATION_ACTIVE));
        let missing = Err(CKR_OPERATION_NOT_INITIALIZED);
        assert_eq!(session.verify(b"data", &[0; 32]), missing);
        assert_eq!(session.verify_update(b"data"), missing);
        assert_eq!(session.verify_final(&[0; 32]), missing);
        session.verify_signature_init(None, 0, &[]).unwrap();
        session.verify_init(Some(&mac), secret).unwrap();
        let second = session.verify_signature_init(Some(&mac), secret, &[0; 32]);
        assert_eq!(second, Err(CKR_OPERATION_ACTIVE));
        assert_eq!(session.verify_signature(b"data"), missing);
        assert_eq!(session.verify_signature_update(b"data"), missing);
        session.cancel(CKF_VERIFY).unwrap();
        session.verify_signature_init(Some(&mac), secret, &[0; 32]).unwrap();
    });
}
