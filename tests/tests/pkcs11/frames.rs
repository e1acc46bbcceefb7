//! How many requests a call costs: counted on the wire, between module and daemon.

use std::path::Path;

use coffer_tests::daemon::Daemon;
use coffer_tests::forwarder::Forwarder;
use coffer_tests::isolated::isolated;
use coffer_tests::token::{DEV, find, open, slot, user_session};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::ObjectClass;
use cryptoki::session::Session;

/// A daemon with keys, behind a forwarder that stands where the module looks for the daemon. The keys are
/// older than the connection, which thus has no events of them.
fn start(directory: &Path) -> (Daemon, Forwarder, Session) {
    let behind = directory.join("behind");
    std::fs::create_dir(&behind).unwrap();
    let daemon = Daemon::start_in(&behind);
    for arguments in
        [&["key", "create", "aes"][..], &["key", "create", "ec", "--usage", "sign-ecc"]]
    {
        assert!(daemon.coffer(arguments).status.success());
    }
    let forwarder = Forwarder::start(&directory.join("coffer.sock"), &daemon.socket());
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    assert!(forwarder.take().contains(&"Login".to_owned()), "the forwarder sees the requests");
    (daemon, forwarder, session)
}

#[test]
fn a_signature_with_a_known_key_is_one_request() {
    isolated(|directory| {
        let (_daemon, forwarder, session) = start(directory);
        let private = find(&session, ObjectClass::PRIVATE_KEY, "ec");
        let public = find(&session, ObjectClass::PUBLIC_KEY, "ec");
        let sign = |data| session.sign(&Mechanism::EcdsaSha256, private, data).unwrap();
        let verify = |data, signature: &[u8]| {
            session.verify(&Mechanism::EcdsaSha256, public, data, signature).unwrap();
        };
        verify(b"first", &sign(b"first"));
        forwarder.take();
        for data in [&[1; 10][..], &[2; 10_000]] {
            let signature = sign(data);
            assert_eq!(forwarder.take(), ["SignData"]);
            verify(data, &signature);
            assert_eq!(forwarder.take(), ["VerifyData"]);
        }
    });
}

#[test]
fn an_encryption_with_a_known_key_is_one_request() {
    isolated(|directory| {
        let (_daemon, forwarder, session) = start(directory);
        let key = find(&session, ObjectClass::SECRET_KEY, "aes");
        let mut iv = [1; 12];
        let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, &[], 128.into()).unwrap());
        session.encrypt(&gcm, key, b"first").unwrap();
        forwarder.take();
        for data in [&[1; 10][..], &[2; 10_000]] {
            let encrypted = session.encrypt(&gcm, key, data).unwrap();
            assert_eq!(forwarder.take(), ["EncryptData"]);
            assert!(data == session.decrypt(&gcm, key, &encrypted).unwrap());
            assert_eq!(forwarder.take(), ["DecryptData"]);
        }
    });
}

#[test]
fn the_first_use_of_a_key_costs_its_description_at_most() {
    isolated(|directory| {
        let (_daemon, forwarder, session) = start(directory);
        let key = find(&session, ObjectClass::PRIVATE_KEY, "ec");
        assert_eq!(forwarder.take(), ["FindObjects"]);
        session.sign(&Mechanism::EcdsaSha256, key, b"data").unwrap();
        let mut first = forwarder.take();
        assert_eq!(first.pop().as_deref(), Some("SignData"));
        assert!(first.is_empty() || first == ["DescribeObject"], "{first:?}");
    });
}

#[test]
fn a_digest_costs_no_request() {
    isolated(|directory| {
        let (_daemon, forwarder, session) = start(directory);
        session.digest(&Mechanism::Sha256, &[7; 1000]).unwrap();
        assert_eq!(forwarder.take(), [""; 0]);
    });
}
