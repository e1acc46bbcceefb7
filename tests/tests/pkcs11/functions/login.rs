//! C_LoginUser, and keys that ask for the PIN at each use (`CKA_ALWAYS_AUTHENTICATE`).

use coffer_tests::daemon::{Daemon, PIN, SO_PIN};
use coffer_tests::isolated::isolated;
use cryptoki_sys::{self as sys, *};

use super::{NO, YES, ec, hmac, number, rsa};
use coffer_tests::c::{self, Session, plain};

#[test]
fn a_name_is_empty_or_the_callers_own() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let own = nix::unistd::geteuid().to_string();
        let again = session.login_user(CKU_USER, PIN, &own);
        assert_eq!(again, Err(CKR_USER_ALREADY_LOGGED_IN));
        for name in ["", own.as_str()] {
            session.logout().unwrap();
            session.login_user(CKU_USER, PIN, name).unwrap();
            assert_eq!(session.state(), Ok(CKS_RW_USER_FUNCTIONS));
        }
        session.logout().unwrap();
        for name in ["alice", "0 ", &format!("{own}0")] {
            assert_eq!(session.login_user(CKU_USER, PIN, name), Err(CKR_PIN_INCORRECT), "{name}");
        }
        assert_eq!(session.state(), Ok(CKS_RW_PUBLIC_SESSION));
        assert_eq!(session.login_user(9, PIN, ""), Err(CKR_USER_TYPE_INVALID));
        session.login_user(CKU_SO, SO_PIN, "").unwrap();
        assert_eq!(session.state(), Ok(CKS_RW_SO_FUNCTIONS));
        let other = session.login_user(CKU_USER, PIN, "");
        assert_eq!(other, Err(CKR_USER_ANOTHER_ALREADY_LOGGED_IN));
    });
}

#[test]
fn a_pin_is_good_for_one_use_of_a_key_that_asks_for_it() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (public, private) = ec(session, &[], &[(CKA_ALWAYS_AUTHENTICATE, YES)]);
        assert_eq!(session.read(private, CKA_ALWAYS_AUTHENTICATE), Ok(vec![1]));
        let ecdsa = plain(CKM_ECDSA_SHA256);
        let login = || session.login(CKU_CONTEXT_SPECIFIC, PIN);
        assert_eq!(login(), Err(CKR_OPERATION_NOT_INITIALIZED));

        session.sign_init(Some(&ecdsa), private).unwrap();
        assert_eq!(session.sign(b"data"), Err(CKR_USER_NOT_LOGGED_IN));
        assert_eq!(session.sign(b"data"), Err(CKR_OPERATION_NOT_INITIALIZED));

        session.sign_init(Some(&ecdsa), private).unwrap();
        login().unwrap();
        assert_eq!(login(), Err(CKR_OPERATION_NOT_INITIALIZED));
        let signature = session.sign(b"data").unwrap();
        session.verify_init(Some(&ecdsa), public).unwrap();
        session.verify(b"data", &signature).unwrap();

        session.sign_init(Some(&ecdsa), private).unwrap();
        assert_eq!(session.sign(b"data"), Err(CKR_USER_NOT_LOGGED_IN));
    });
}

#[test]
fn a_pin_is_not_kept_for_the_next_operation() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (_, private) = ec(session, &[], &[(CKA_ALWAYS_AUTHENTICATE, YES)]);
        let ecdsa = plain(CKM_ECDSA_SHA256);
        session.sign_init(Some(&ecdsa), private).unwrap();
        session.login(CKU_CONTEXT_SPECIFIC, PIN).unwrap();
        session.sign_init(None, 0).unwrap();
        session.sign_init(Some(&ecdsa), private).unwrap();
        assert_eq!(session.sign(b"data"), Err(CKR_USER_NOT_LOGGED_IN));
        // Nor is it for another session.
        session.sign_init(Some(&ecdsa), private).unwrap();
        session.login(CKU_CONTEXT_SPECIFIC, PIN).unwrap();
        let other = Session::open(c::slots().unwrap()[0]).unwrap();
        other.sign_init(Some(&ecdsa), private).unwrap();
        assert_eq!(other.sign(b"data"), Err(CKR_USER_NOT_LOGGED_IN));
        session.sign(b"data").unwrap();
    });
}

#[test]
fn parts_messages_and_decryption_ask_as_well() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (public, private) = rsa(session, &[(CKA_ALWAYS_AUTHENTICATE, YES)]);
        let login = || session.login(CKU_CONTEXT_SPECIFIC, PIN);
        let sha = plain(CKM_SHA256_RSA_PKCS);

        session.sign_init(Some(&sha), private).unwrap();
        session.sign_update(b"one").unwrap();
        login().unwrap();
        session.sign_update(b"two").unwrap();
        let signature = session.sign_final().unwrap();
        session.verify_init(Some(&sha), public).unwrap();
        session.verify(b"onetwo", &signature).unwrap();

        let pkcs = plain(CKM_RSA_PKCS);
        session.encrypt_init(Some(&pkcs), public).unwrap();
        let ciphertext = session.encrypt(b"secret").unwrap();
        session.decrypt_init(Some(&pkcs), private).unwrap();
        login().unwrap();
        assert_eq!(session.decrypt(&ciphertext).unwrap(), b"secret");
        session.decrypt_init(Some(&pkcs), private).unwrap();
        // The length, which is no secret, needs no PIN; what is decrypted does.
        assert_eq!(session.decrypt(&ciphertext), Err(CKR_USER_NOT_LOGGED_IN));

        session.sign_recover_init(Some(&pkcs), private).unwrap();
        assert_eq!(session.sign_recover(b"data"), Err(CKR_USER_NOT_LOGGED_IN));

        session.message_sign_init(Some(&sha), private).unwrap();
        assert_eq!(session.sign_message(b"one"), Err(CKR_USER_NOT_LOGGED_IN));
        login().unwrap();
        session.sign_message(b"one").unwrap();
        assert_eq!(session.sign_message(b"two"), Err(CKR_USER_NOT_LOGGED_IN));
        login().unwrap();
        session.sign_message(b"two").unwrap();
        session.message_sign_final().unwrap();
    });
}

#[test]
fn a_wrong_pin_leaves_the_operation_without_permission() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let (_, private) = ec(session, &[], &[(CKA_ALWAYS_AUTHENTICATE, YES)]);
        let ecdsa = plain(CKM_ECDSA_SHA256);
        session.sign_init(Some(&ecdsa), private).unwrap();
        assert_eq!(session.login(CKU_CONTEXT_SPECIFIC, "0000"), Err(CKR_PIN_INCORRECT));
        assert_eq!(session.state(), Ok(CKS_RW_USER_FUNCTIONS));
        session.login(CKU_CONTEXT_SPECIFIC, PIN).unwrap();
        session.sign(b"data").unwrap();
        session.sign_init(Some(&ecdsa), private).unwrap();
        assert_eq!(session.login(CKU_CONTEXT_SPECIFIC, "0000"), Err(CKR_PIN_INCORRECT));
        assert_eq!(session.sign(b"data"), Err(CKR_USER_NOT_LOGGED_IN));
    });
}

#[test]
fn what_has_no_moment_for_the_pin_is_refused() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let asks = &[(CKA_ALWAYS_AUTHENTICATE, YES), (CKA_DECAPSULATE, YES)][..];
        let (public, private) = ec(session, &[(CKA_ENCAPSULATE, YES)], asks);
        let parameter = CK_ECDH1_DERIVE_PARAMS { kdf: CKD_NULL, ..Default::default() };
        let ecdh = c::with(CKM_ECDH1_DERIVE, &parameter);
        let class = number(sys::CKO_SECRET_KEY);
        let template = [(CKA_CLASS, &class[..]), (CKA_TOKEN, NO)];
        let (ciphertext, _) = session.encapsulate(&ecdh, public, &template).unwrap();
        let opened = session.decapsulate(&ecdh, private, &ciphertext, &template);
        assert_eq!(opened, Err(CKR_USER_NOT_LOGGED_IN));
    });
}

#[test]
fn a_key_that_asks_is_private() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let session = Session::begin().unwrap();
        let bits = [(CKA_EC_PARAMS, &super::P256[..]), (CKA_TOKEN, NO)];
        let private = [(CKA_TOKEN, NO), (CKA_ALWAYS_AUTHENTICATE, YES), (CKA_PRIVATE, NO)];
        let made = session.generate_pair(&plain(CKM_EC_KEY_PAIR_GEN), &bits, &private);
        assert_eq!(made, Err(CKR_TEMPLATE_INCONSISTENT));
        let secret = hmac(session);
        assert_eq!(session.read(secret, CKA_ALWAYS_AUTHENTICATE), Err(CKR_ATTRIBUTE_TYPE_INVALID));
    });
}
