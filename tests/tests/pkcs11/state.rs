//! What one side changes, the other side sees at its next call.

use std::path::Path;

use coffer_tests::daemon::{Daemon, module};
use coffer_tests::isolated::isolated;
use coffer_tests::token::{
    DEV, aes_key, ec_pair, find, initialize, open, refusal, slot, user_session,
};
use cryptoki::context::{Function, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

fn start(directory: &Path) -> (Daemon, Pkcs11, Session) {
    let daemon = Daemon::start_in(directory);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    (daemon, pkcs11, session)
}

fn run(daemon: &Daemon, arguments: &[&str]) {
    let output = daemon.coffer(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
}

fn gcm(session: &Session, key: ObjectHandle, data: &[u8], decrypt: bool) -> Result<Vec<u8>, Error> {
    let mut iv = [9; 12];
    let mechanism = Mechanism::AesGcm(GcmParams::new(&mut iv, b"aad", 128.into())?);
    if decrypt {
        session.decrypt(&mechanism, key, data)
    } else {
        session.encrypt(&mechanism, key, data)
    }
}

/// Whether C_*Init refused because the key may not be used.
#[track_caller]
fn assert_stopped<T: std::fmt::Debug>(outcome: &Result<T, Error>) {
    use Function::{DecryptInit, EncryptInit, SignInit};
    let is_stopped = matches!(
        outcome,
        Err(Error::Pkcs11(RvError::KeyFunctionNotPermitted, EncryptInit | DecryptInit | SignInit))
    );
    assert!(is_stopped, "{outcome:?}");
}

/// The id of a key as `coffer` takes it.
fn id(session: &Session, key: ObjectHandle) -> String {
    let attributes = session.get_attributes(key, &[AttributeType::UniqueId]).unwrap();
    let Attribute::UniqueId(id) = &attributes[0] else { panic!("{attributes:?}") };
    String::from_utf8(id.clone()).unwrap()
}

#[test]
fn a_disabled_cmk_stops_an_open_session_until_it_is_enabled() {
    isolated(|directory| {
        let (daemon, _, session) = start(directory);
        run(&daemon, &["key", "create", "app"]);
        let key = find(&session, ObjectClass::SECRET_KEY, "app");
        let encrypted = gcm(&session, key, b"data", false).unwrap();
        for _ in 0..3 {
            run(&daemon, &["key", "disable", "app"]);
            assert_stopped(&gcm(&session, key, b"data", false));
            assert_stopped(&gcm(&session, key, &encrypted, true));
            run(&daemon, &["key", "enable", "app"]);
            assert_eq!(gcm(&session, key, &encrypted, true).unwrap(), b"data");
            gcm(&session, key, b"data", false).unwrap();
        }
    });
}

#[test]
fn a_disabled_cmk_signs_nothing() {
    isolated(|directory| {
        let (daemon, _, session) = start(directory);
        run(&daemon, &["key", "create", "signer", "--usage", "ASYMMETRIC_SIGN_VERIFY_ECC"]);
        let key = find(&session, ObjectClass::PRIVATE_KEY, "signer");
        let public = find(&session, ObjectClass::PUBLIC_KEY, "signer");
        let sign = || session.sign(&Mechanism::EcdsaSha256, key, b"data");
        session.verify(&Mechanism::EcdsaSha256, public, b"data", &sign().unwrap()).unwrap();
        run(&daemon, &["key", "disable", "signer"]);
        assert_stopped(&sign());
        run(&daemon, &["key", "enable", "signer"]);
        sign().unwrap();
    });
}

#[test]
fn a_key_of_an_application_is_disabled_as_a_cmk_is() {
    isolated(|directory| {
        let (daemon, _, session) = start(directory);
        let (_, private) = ec_pair(&session, "e").unwrap();
        let aes = aes_key(&session, "k").unwrap();
        let sign = || session.sign(&Mechanism::EcdsaSha256, private, b"data");
        sign().unwrap();
        let encrypted = gcm(&session, aes, b"data", false).unwrap();
        let ids = [id(&session, private), id(&session, aes)];
        run(&daemon, &["key", "disable", &ids[0], &ids[1]]);
        assert_stopped(&sign());
        assert_stopped(&gcm(&session, aes, b"data", false));
        assert_stopped(&gcm(&session, aes, &encrypted, true));
        run(&daemon, &["key", "enable", &ids[0], &ids[1]]);
        sign().unwrap();
        assert_eq!(gcm(&session, aes, &encrypted, true).unwrap(), b"data");
    });
}

#[test]
fn an_operation_that_has_begun_stops_too() {
    isolated(|directory| {
        let (daemon, _, session) = start(directory);
        run(&daemon, &["key", "create", "app"]);
        let key = find(&session, ObjectClass::SECRET_KEY, "app");
        let mut iv = [9; 12];
        let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, b"aad", 128.into()).unwrap());
        session.encrypt_init(&gcm, key).unwrap();
        session.encrypt_update(&[1; 100]).unwrap();
        run(&daemon, &["key", "disable", "app"]);
        refusal(session.encrypt_update(&[1; 100]));
        let over = session.encrypt_final();
        assert_eq!(refusal(over), RvError::OperationNotInitialized);
    });
}

#[test]
fn an_application_cannot_destroy_a_cmk() {
    isolated(|directory| {
        let (daemon, _, session) = start(directory);
        run(&daemon, &["key", "create", "app"]);
        run(&daemon, &["key", "create", "signer", "--usage", "sign-ecc"]);
        for (class, label) in
            [(ObjectClass::SECRET_KEY, "app"), (ObjectClass::PRIVATE_KEY, "signer")]
        {
            let key = find(&session, class, label);
            assert_eq!(refusal(session.destroy_object(key)), RvError::ActionProhibited);
            assert_eq!(find(&session, class, label), key);
        }
    });
}

#[test]
fn what_coffer_encrypts_with_a_cmk_stays_its_own_format() {
    isolated(|directory| {
        let (daemon, _, session) = start(directory);
        run(&daemon, &["key", "create", "app"]);
        let key = find(&session, ObjectClass::SECRET_KEY, "app");
        let encrypted = gcm(&session, key, b"data", false).unwrap();
        let refused = daemon.coffer_with(&["decrypt"], &encrypted);
        assert!(!refused.status.success());
        let blob = daemon.coffer_with(&["encrypt", "--key", "app"], b"data").stdout;
        assert_eq!(daemon.coffer_with(&["decrypt"], &blob).stdout, b"data");
    });
}

#[test]
fn two_applications_see_each_others_objects_at_once() {
    isolated(|directory| {
        let (_daemon, pkcs11, session) = start(directory);
        // A copy of the module has a state of its own: it is another application.
        let copy = directory.join("other.so");
        std::fs::copy(module(), &copy).unwrap();
        let other = Pkcs11::new(copy).unwrap();
        initialize(&other).unwrap();
        let mine = slot(&pkcs11, DEV);
        let theirs = other.open_rw_session(slot(&other, DEV)).unwrap();
        let login = |session: &Session| {
            let pin = coffer_tests::token::pin(coffer_tests::daemon::PIN);
            session.login(cryptoki::session::UserType::User, Some(&pin))
        };
        assert!(theirs.find_objects(&[]).unwrap().is_empty());
        let key = aes_key(&session, "first").unwrap();
        assert!(theirs.find_objects(&[]).unwrap().is_empty(), "each application logs in itself");
        login(&theirs).unwrap();

        let found = find(&theirs, ObjectClass::SECRET_KEY, "first");
        let encrypted = gcm(&theirs, found, b"data", false).unwrap();
        assert_eq!(gcm(&session, key, &encrypted, true).unwrap(), b"data");
        let (public, _) = ec_pair(&theirs, "second").unwrap();
        let seen = find(&session, ObjectClass::PUBLIC_KEY, "second");

        let label = [Attribute::Label(b"renamed".to_vec())];
        theirs.update_attributes(public, &label).unwrap();
        assert_eq!(session.get_attributes(seen, &[AttributeType::Label]).unwrap(), label);
        theirs.update_attributes(found, &[Attribute::Encrypt(false)]).unwrap();
        assert_stopped(&gcm(&session, key, b"data", false));
        theirs.destroy_object(found).unwrap();
        assert_eq!(refusal(gcm(&session, key, &encrypted, true)), RvError::KeyHandleInvalid);

        let template = [Attribute::Token(false), Attribute::ValueLen(16.into())];
        session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
        assert_eq!(theirs.find_objects(&[]).unwrap().len(), 2, "session objects are not shared");
        other.clone().finalize().unwrap();
        assert_eq!(pkcs11.get_token_info(mine).unwrap().session_count(), Some(1));
        assert_eq!(session.find_objects(&[]).unwrap().len(), 3);
    });
}
