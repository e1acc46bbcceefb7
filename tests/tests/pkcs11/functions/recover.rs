//! C_SignRecover and C_VerifyRecover with RSA.

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{NO, hmac, rsa};
use coffer_tests::c::{Session, plain};

#[test]
fn a_signature_gives_back_what_was_signed() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (public, private) = rsa(session, &[]);
        let pkcs = plain(CKM_RSA_PKCS);
        for length in [0, 1, 35, 245] {
            let data = vec![6; length];
            session.sign_recover_init(Some(&pkcs), private).unwrap();
            let signature = session.sign_recover(&data).unwrap();
            assert_eq!(signature.len(), 256);
            session.verify_recover_init(Some(&pkcs), public).unwrap();
            assert_eq!(session.verify_recover(&signature).unwrap(), data);
            // It is the signature that C_Verify knows.
            session.verify_init(Some(&pkcs), public).unwrap();
            session.verify(&data, &signature).unwrap();
        }
        let raw = plain(CKM_RSA_X_509);
        session.sign_recover_init(Some(&raw), private).unwrap();
        let signature = session.sign_recover(&[1; 200]).unwrap();
        session.verify_recover_init(Some(&raw), public).unwrap();
        let recovered = session.verify_recover(&signature).unwrap();
        assert_eq!((&recovered[..56], &recovered[56..]), (&[0; 56][..], &[1; 200][..]));
    });
}

#[test]
fn what_is_wrong_has_its_code_and_ends_the_operation() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (public, private) = rsa(session, &[]);
        let pkcs = plain(CKM_RSA_PKCS);
        session.sign_recover_init(Some(&pkcs), private).unwrap();
        assert_eq!(session.sign_recover(&[0; 246]), Err(CKR_DATA_LEN_RANGE));
        assert_eq!(session.sign_recover(b"data"), Err(CKR_OPERATION_NOT_INITIALIZED));
        session.sign_recover_init(Some(&pkcs), private).unwrap();
        let mut signature = session.sign_recover(b"data").unwrap();
        for (wrong, code) in [
            (signature[1..].to_vec(), CKR_SIGNATURE_LEN_RANGE),
            (vec![0xff; 256], CKR_SIGNATURE_INVALID),
            (vec![0; 256], CKR_SIGNATURE_INVALID),
        ] {
            session.verify_recover_init(Some(&pkcs), public).unwrap();
            assert_eq!(session.verify_recover(&wrong), Err(code));
        }
        signature[100] ^= 1;
        session.verify_recover_init(Some(&pkcs), public).unwrap();
        assert_eq!(session.verify_recover(&signature), Err(CKR_SIGNATURE_INVALID));
        assert_eq!(session.verify_recover(&signature), Err(CKR_OPERATION_NOT_INITIALIZED));
    });
}

#[test]
fn keys_and_mechanisms_must_be_for_it() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (public, private) = rsa(session, &[(CKA_SIGN_RECOVER, NO)]);
        let pkcs = plain(CKM_RSA_PKCS);
        let init = |mechanism, key| session.sign_recover_init(Some(&plain(mechanism)), key);
        assert_eq!(init(CKM_RSA_PKCS, private), Err(CKR_KEY_FUNCTION_NOT_PERMITTED));
        assert_eq!(init(CKM_RSA_PKCS, public), Err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(init(CKM_RSA_PKCS, hmac(session)), Err(CKR_KEY_TYPE_INCONSISTENT));
        assert_eq!(init(CKM_SHA256_RSA_PKCS, private), Err(CKR_MECHANISM_INVALID));
        assert_eq!(init(CKM_SHA256_HMAC, private), Err(CKR_MECHANISM_INVALID));
        assert_eq!(init(CKM_RSA_PKCS, 0), Err(CKR_KEY_HANDLE_INVALID));
        let recover = session.verify_recover_init(Some(&pkcs), private);
        assert_eq!(recover, Err(CKR_KEY_TYPE_INCONSISTENT));
        // It signs for all that.
        session.sign_init(Some(&pkcs), private).unwrap();
        assert_eq!(session.sign(b"data").unwrap().len(), 256);
    });
}
