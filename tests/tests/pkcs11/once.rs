//! Requests whose reply is lost: what changes something is carried out once, whatever the caller does not know; what
//! only reads is asked again.

use std::path::Path;

use coffer_tests::daemon::{Daemon, PIN, SO_PIN};
use coffer_tests::forwarder::Forwarder;
use coffer_tests::isolated::isolated;
use coffer_tests::token::{
    DEV, aes_key, ec_pair, find, open, pin, public_key_info, refusal, slot, user_session,
};
use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};

/// A daemon behind a forwarder that stands where the module looks for it.
fn start(directory: &Path) -> (Daemon, Forwarder, Pkcs11) {
    let behind = directory.join("behind");
    std::fs::create_dir(&behind).unwrap();
    let daemon = Daemon::start_in(&behind);
    let forwarder = Forwarder::start(&directory.join("coffer.sock"), &daemon.socket());
    (daemon, forwarder, open())
}

/// What is asked of the daemon in a session with an AES key.
type Call = fn(&Session, ObjectHandle) -> Result<(), Error>;

/// Changes, by the request that makes them, with how many objects there are afterwards where there was one before.
const CHANGES: &[(&str, Call, usize)] = &[
    ("GenerateKey", |session, _| aes_key(session, "made").map(drop), 2),
    ("GenerateKeyPair", |session, _| ec_pair(session, "made").map(drop), 3),
    (
        "CreateObject",
        |session, _| {
            let data = [Attribute::Class(ObjectClass::DATA), Attribute::Token(true)];
            session.create_object(&data).map(drop)
        },
        2,
    ),
    ("CopyObject", |session, key| session.copy_object(key, &[]).map(drop), 2),
    ("DestroyObject", |session, key| session.destroy_object(key), 0),
    (
        "SetAttributes",
        |session, key| session.update_attributes(key, &[Attribute::Label(b"new".to_vec())]),
        1,
    ),
    ("SetPin", |session, _| session.set_pin(&pin(PIN), &pin(PIN)), 1),
    ("Logout", |session, _| session.logout(), 1),
];

#[test]
fn a_change_whose_reply_is_lost_was_made_once_and_is_not_made_again() {
    isolated(|directory| {
        let (_daemon, forwarder, pkcs11) = start(directory);
        let slot = slot(&pkcs11, DEV);
        for (request, change, objects) in CHANGES {
            let session = user_session(&pkcs11, slot);
            for object in session.find_objects(&[]).unwrap() {
                session.destroy_object(object).unwrap();
            }
            let key = aes_key(&session, "first").unwrap();
            forwarder.take();
            forwarder.lose_reply_to(request);
            let outcome = change(&session, key);
            assert_eq!(refusal(outcome), RvError::DeviceRemoved, "{request}");
            assert_eq!(refusal(change(&session, key)), RvError::SessionHandleInvalid);
            let seen = forwarder.take();
            let times = seen.iter().filter(|name| name == request).count();
            assert_eq!(times, 1, "{seen:?}");
            let session = user_session(&pkcs11, slot);
            assert_eq!(session.find_objects(&[]).unwrap().len(), *objects, "{request}");
        }
    });
}

#[test]
fn a_token_whose_initialisation_is_not_confirmed_was_initialised_once() {
    isolated(|directory| {
        let (_daemon, forwarder, pkcs11) = start(directory);
        let slot = slot(&pkcs11, DEV);
        forwarder.take();
        forwarder.lose_reply_to("InitToken");
        let outcome = pkcs11.init_token(slot, &pin(SO_PIN), "new");
        assert_eq!(refusal(outcome), RvError::DeviceRemoved);
        let seen = forwarder.take();
        assert_eq!(seen.iter().filter(|name| *name == "InitToken").count(), 1, "{seen:?}");
        assert_eq!(pkcs11.get_token_info(slot).unwrap().label(), "new");
        let session = pkcs11.open_rw_session(slot).unwrap();
        session.login(UserType::So, Some(&pin(SO_PIN))).unwrap();
        forwarder.take();
        forwarder.lose_reply_to("InitPin");
        assert_eq!(refusal(session.init_pin(&pin("9876"))), RvError::DeviceRemoved);
        let seen = forwarder.take();
        assert_eq!(seen.iter().filter(|name| *name == "InitPin").count(), 1, "{seen:?}");
        let session = pkcs11.open_rw_session(slot).unwrap();
        session.login(UserType::User, Some(&pin("9876"))).unwrap();
    });
}

#[test]
fn what_only_reads_and_has_no_session_is_asked_again_unnoticed() {
    isolated(|directory| {
        let (_daemon, forwarder, pkcs11) = start(directory);
        let slot = slot(&pkcs11, DEV);
        forwarder.take();
        forwarder.lose_reply_to("ListTokens");
        assert_eq!(pkcs11.get_token_info(slot).unwrap().label(), DEV);
        forwarder.lose_reply_to("OpenSession");
        let session = pkcs11.open_ro_session(slot).unwrap();
        // The first one went with the application whose connection broke.
        assert_eq!(pkcs11.get_token_info(slot).unwrap().session_count(), Some(1));
        session.get_session_info().unwrap();
        let seen = forwarder.take();
        let times = |name: &str| seen.iter().filter(|seen| *seen == name).count();
        assert!(times("ListTokens") >= 2 && times("OpenSession") == 2, "{seen:?}");
    });
}

#[test]
fn what_reads_in_a_session_is_not_asked_again_because_the_session_is_gone() {
    isolated(|directory| {
        let (_daemon, forwarder, pkcs11) = start(directory);
        let slot = slot(&pkcs11, DEV);
        let maker = user_session(&pkcs11, slot);
        let (public, private) = ec_pair(&maker, "e").unwrap();
        let info = public_key_info(&maker, public);
        maker.sign(&Mechanism::EcdsaSha256, private, b"data").unwrap();
        for request in ["GetAttributes", "SignData", "FindObjects"] {
            let session = user_session(&pkcs11, slot);
            let private = find(&session, ObjectClass::PRIVATE_KEY, "e");
            forwarder.take();
            forwarder.lose_reply_to(request);
            let outcome = match request {
                "GetAttributes" => {
                    session.get_attributes(private, &[AttributeType::Label]).map(drop)
                }
                "SignData" => session.sign(&Mechanism::EcdsaSha256, private, b"data").map(drop),
                _ => session.find_objects(&[]).map(drop),
            };
            assert_eq!(refusal(outcome), RvError::DeviceRemoved, "{request}");
            assert_eq!(refusal(session.get_session_info()), RvError::SessionHandleInvalid);
            let seen = forwarder.take();
            assert_eq!(seen.iter().filter(|name| *name == request).count(), 1, "{seen:?}");
        }
        let session = user_session(&pkcs11, slot);
        let public = find(&session, ObjectClass::PUBLIC_KEY, "e");
        assert_eq!(public_key_info(&session, public), info);
    });
}
