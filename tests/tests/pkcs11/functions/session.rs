//! Ends of operations, validation flags, sizes, PINs and parallel functions.

use coffer_tests::daemon::{Daemon, PIN, SO_PIN};
use coffer_tests::isolated::isolated;
use cryptoki_sys::*;

use super::{aes, hmac, rsa};
use coffer_tests::c::{self, Session, plain, with};

/// Begins an operation, or ends it with no mechanism.
type Init<'a> = Box<dyn Fn(Option<()>) -> Result<(), CK_RV> + 'a>;
/// Ends an operation.
type Step = fn(Session) -> Result<(), CK_RV>;

#[test]
fn each_operation_ends_by_its_flag_and_by_no_mechanism() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (key, secret) = (aes(session), hmac(session));
        let (public, private) = rsa(session, &[]);
        let iv = [3_u8; 16];
        let cbc = with(CKM_AES_CBC, &iv);
        let (mac, pkcs, gcm) = (plain(CKM_SHA256_HMAC), plain(CKM_RSA_PKCS), plain(CKM_AES_GCM));
        let of = |yes: Option<()>, mechanism| yes.map(|()| mechanism);
        let rows: [(CK_FLAGS, Init<'_>); 10] = [
            (CKF_ENCRYPT, Box::new(|m| session.encrypt_init(of(m, &cbc), key))),
            (CKF_DECRYPT, Box::new(|m| session.decrypt_init(of(m, &cbc), key))),
            (CKF_SIGN, Box::new(|m| session.sign_init(of(m, &mac), secret))),
            (CKF_VERIFY, Box::new(|m| session.verify_init(of(m, &mac), secret))),
            (CKF_SIGN_RECOVER, Box::new(|m| session.sign_recover_init(of(m, &pkcs), private))),
            (CKF_VERIFY_RECOVER, Box::new(|m| session.verify_recover_init(of(m, &pkcs), public))),
            (CKF_MESSAGE_SIGN, Box::new(|m| session.message_sign_init(of(m, &mac), secret))),
            (CKF_MESSAGE_VERIFY, Box::new(|m| session.message_verify_init(of(m, &mac), secret))),
            (CKF_MESSAGE_ENCRYPT, Box::new(|m| session.message_encrypt_init(of(m, &gcm), key))),
            (CKF_MESSAGE_DECRYPT, Box::new(|m| session.message_decrypt_init(of(m, &gcm), key))),
        ];
        for (flag, init) in &rows {
            // What is not there is ended without complaint.
            assert_eq!(init(None), Ok(()));
            init(Some(())).unwrap();
            assert_eq!(init(Some(())), Err(CKR_OPERATION_ACTIVE), "{flag:#x}");
            assert_eq!(session.cancel(0), Ok(()));
            assert_eq!(session.cancel(!flag), Ok(()));
            assert_eq!(init(Some(())), Err(CKR_OPERATION_ACTIVE), "{flag:#x}");
            assert_eq!(session.cancel(*flag), Ok(()));
            init(Some(())).unwrap();
            assert_eq!(init(None), Ok(()));
            init(Some(())).unwrap();
            assert_eq!(session.cancel(*flag), Ok(()));
        }
        session.digest_init(Some(&plain(CKM_SHA256))).unwrap();
        session.find_init().unwrap();
        assert_eq!(session.cancel(CKF_DIGEST | CKF_FIND_OBJECTS), Ok(()));
        session.digest_init(Some(&plain(CKM_SHA256))).unwrap();
        session.digest_init(None).unwrap();
        assert_eq!(session.digest_update(b"data"), Err(CKR_OPERATION_NOT_INITIALIZED));
        session.find_init().unwrap();
    });
}

#[test]
fn operations_on_data_and_on_messages_exclude_each_other() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (key, secret) = (aes(session), hmac(session));
        let iv = [3_u8; 16];
        let (cbc, gcm) = (with(CKM_AES_CBC, &iv), plain(CKM_AES_GCM));
        session.encrypt_init(Some(&cbc), key).unwrap();
        assert_eq!(session.message_encrypt_init(Some(&gcm), key), Err(CKR_OPERATION_ACTIVE));
        session.message_decrypt_init(Some(&gcm), key).unwrap();
        assert_eq!(session.decrypt_init(Some(&cbc), key), Err(CKR_OPERATION_ACTIVE));
        let mac = plain(CKM_SHA256_HMAC);
        session.message_sign_init(Some(&mac), secret).unwrap();
        assert_eq!(session.sign_init(Some(&mac), secret), Err(CKR_OPERATION_ACTIVE));
        session.verify_init(Some(&mac), secret).unwrap();
        assert_eq!(session.message_verify_init(Some(&mac), secret), Err(CKR_OPERATION_ACTIVE));
    });
}

#[test]
fn an_operation_in_parts_that_is_ended_leaves_the_daemon_free() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let secret = hmac(session);
        let mac = plain(CKM_SHA256_HMAC);
        let large = vec![1; 300 << 10];
        let steps: [Step; 2] =
            [|session| session.cancel(CKF_SIGN), |session| session.sign_init(None, 0)];
        for end in steps {
            session.sign_init(Some(&mac), secret).unwrap();
            session.sign_update(&large).unwrap();
            end(session).unwrap();
            session.sign_init(Some(&mac), secret).unwrap();
            session.sign_update(&large).unwrap();
            assert_eq!(session.sign_final().unwrap().len(), 32);
        }
    });
}

#[test]
fn no_validation_is_claimed() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        assert_eq!(session.validation_flags(CKS_LAST_VALIDATION_OK), Ok(0));
        session.close().unwrap();
        let closed = session.validation_flags(CKS_LAST_VALIDATION_OK);
        assert_eq!(closed, Err(CKR_SESSION_HANDLE_INVALID));
    });
}

#[test]
fn parallel_functions_are_not_there() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        assert_eq!(session.function_status(), Err(CKR_FUNCTION_NOT_PARALLEL));
        assert_eq!(session.cancel_function(), Err(CKR_FUNCTION_NOT_PARALLEL));
    });
}

#[test]
fn larger_objects_have_larger_sizes() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let data = |value: &[u8]| {
            let class = super::number(CKO_DATA);
            let template = [(CKA_CLASS, &class[..]), (CKA_TOKEN, super::NO), (CKA_VALUE, value)];
            session.create(&template).unwrap()
        };
        let (small, large) = (data(b""), data(&[0; 1000]));
        let size = |object| session.object_size(object).unwrap();
        assert_eq!(size(large) - size(small), 1000);
        session.destroy(small).unwrap();
        assert_eq!(session.object_size(small), Err(CKR_OBJECT_HANDLE_INVALID));
    });
}

#[test]
fn pins_are_changed_by_whom_they_belong_to() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        assert_eq!(session.set_pin("0000", "5678"), Err(CKR_PIN_INCORRECT));
        assert_eq!(session.set_pin(PIN, "123"), Err(CKR_PIN_LEN_RANGE));
        session.set_pin(PIN, "5678").unwrap();
        session.logout().unwrap();
        assert_eq!(session.login(CKU_USER, PIN), Err(CKR_PIN_INCORRECT));
        // In a public session it is the user's PIN.
        session.set_pin("5678", PIN).unwrap();
        session.login(CKU_SO, SO_PIN).unwrap();
        session.set_pin(SO_PIN, "officer").unwrap();
        session.logout().unwrap();
        session.login(CKU_USER, PIN).unwrap();
        let slot = c::slots().unwrap()[0];
        assert_eq!(c::init_token(slot, "officer", "new"), Err(CKR_SESSION_EXISTS));
        session.close().unwrap();
        assert_eq!(c::init_token(slot, SO_PIN, "new"), Err(CKR_PIN_INCORRECT));
        c::init_token(slot, "officer", "new").unwrap();
        let session = Session::open(slot).unwrap();
        assert_eq!(session.login(CKU_USER, PIN), Err(CKR_USER_PIN_NOT_INITIALIZED));
    });
}
