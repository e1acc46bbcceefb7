//! Applications beside each other: what one makes, the others see; what one is, ends with its process; and limits are
//! each one's own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

use coffer_tests::c;
use coffer_tests::daemon::{Daemon, PIN, SO_PIN};
use coffer_tests::isolated::isolated;
use coffer_tests::process::{Forked, fork, wait_until};
use coffer_tests::token::{
    DEV, aes_key, ec_pair, find, initialize, load, open, pin, refusal, slot, user_session,
};
use cryptoki::context::Pkcs11;
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki_sys::{
    CKK_AES, CKR_SESSION_COUNT, CKR_SESSION_HANDLE_INVALID, CKS_RW_PUBLIC_SESSION, CKU_USER,
};
use serde_json::json;

/// What the module says of an application's sessions with a token.
const MOST: u64 = 1024;

/// Another process, which does something, says so, and stays until it is killed.
fn beside(pkcs11: &Pkcs11, first: impl FnOnce(&Pkcs11)) -> Forked {
    let (mut here, mut there) = UnixStream::pair().unwrap();
    let forked = fork(|| {
        initialize(pkcs11).unwrap();
        first(pkcs11);
        there.write_all(b"!").unwrap();
        loop {
            thread::park();
        }
    });
    drop(there);
    here.read_exact(&mut [0]).unwrap();
    forked
}

/// Applications and sessions that the daemon has.
fn counted(daemon: &Daemon) -> (u64, u64) {
    let (status, counts) = daemon.call("GetStatus", &json!({}));
    assert_eq!(status, 0);
    (counts["Applications"].as_u64().unwrap(), counts["Sessions"].as_u64().unwrap())
}

/// Waits until the daemon has so many applications and sessions.
fn wait_for(daemon: &Daemon, wanted: (u64, u64)) {
    wait_until(&format!("{wanted:?} applications and sessions"), || counted(daemon) == wanted);
}

fn unique_id(session: &Session, object: ObjectHandle) -> Attribute {
    session.get_attributes(object, &[AttributeType::UniqueId]).unwrap().remove(0)
}

#[test]
fn an_application_has_its_sessions_and_no_more() {
    isolated(|directory| {
        let daemon = Daemon::start_in(directory);
        c::initialize().unwrap();
        let slot = c::slots().unwrap()[0];
        let counts = || {
            let token = c::token_info(slot).unwrap();
            assert_eq!((token.ulMaxSessionCount, token.ulMaxRwSessionCount), (MOST, MOST));
            (token.ulSessionCount, token.ulRwSessionCount)
        };
        let open = |number| match number % 4 {
            0 => c::Session::open(slot),
            _ => c::Session::open_read_only(slot),
        };
        let mut sessions: Vec<_> = (0..MOST).map(|number| open(number).unwrap()).collect();
        assert_eq!(counts(), (MOST, MOST / 4));
        assert_eq!(counted(&daemon), (1, MOST));
        for number in 0..4 {
            assert_eq!(open(number).map(drop), Err(CKR_SESSION_COUNT));
        }
        // The loaded module beside the linked one is another application, and has its own.
        let another = coffer_tests::token::open();
        let theirs = another.open_rw_session(self::slot(&another, DEV)).unwrap();
        let token = another.get_token_info(self::slot(&another, DEV)).unwrap();
        assert_eq!(token.session_count(), Some(1));
        theirs.get_session_info().unwrap();
        // Each that is closed makes room for one.
        sessions.pop().unwrap().close().unwrap();
        sessions.push(c::Session::open(slot).unwrap());
        assert_eq!(open(0).map(drop), Err(CKR_SESSION_COUNT));
        let last = sessions.pop().unwrap();
        last.login(CKU_USER, PIN).unwrap();
        last.create_secret(CKK_AES, &[7; 32], &[]).unwrap();
        c::close_all_sessions(slot).unwrap();
        assert_eq!(counts(), (0, 0));
        assert_eq!(last.state(), Err(CKR_SESSION_HANDLE_INVALID));
        assert_eq!(counted(&daemon), (2, 1));
        let session = c::Session::open(slot).unwrap();
        assert_eq!(session.state(), Ok(CKS_RW_PUBLIC_SESSION), "the login went with them");
    });
}

#[test]
fn what_one_process_makes_changes_and_destroys_another_sees_at_once() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = load();
        // The other one works on request: a byte is the number of the step, and comes back when it is done.
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let other = fork(|| {
            initialize(&pkcs11).unwrap();
            let session = user_session(&pkcs11, slot(&pkcs11, DEV));
            let mut step = [0];
            while there.read_exact(&mut step).is_ok() && step != [9] {
                match step {
                    [0] => {
                        ec_pair(&session, "pair").unwrap();
                    }
                    [1] => {
                        let public = find(&session, ObjectClass::PUBLIC_KEY, "pair");
                        let label = [Attribute::Label(b"renamed".to_vec())];
                        session.update_attributes(public, &label).unwrap();
                    }
                    [2] => {
                        let private = find(&session, ObjectClass::PRIVATE_KEY, "pair");
                        session.update_attributes(private, &[Attribute::Sign(false)]).unwrap();
                    }
                    _ => {
                        for object in session.find_objects(&[]).unwrap() {
                            session.destroy_object(object).unwrap();
                        }
                    }
                }
                there.write_all(&step).unwrap();
            }
        });
        let mut ask = |step: u8| {
            here.write_all(&[step]).unwrap();
            here.read_exact(&mut [0]).unwrap();
        };
        initialize(&pkcs11).unwrap();
        let session = user_session(&pkcs11, slot(&pkcs11, DEV));
        assert!(session.find_objects(&[]).unwrap().is_empty());
        ask(0);
        let private = find(&session, ObjectClass::PRIVATE_KEY, "pair");
        let public = find(&session, ObjectClass::PUBLIC_KEY, "pair");
        session.sign(&Mechanism::EcdsaSha256, private, b"data").unwrap();
        ask(1);
        let read = session.get_attributes(public, &[AttributeType::Label]).unwrap();
        assert_eq!(read, [Attribute::Label(b"renamed".to_vec())]);
        assert_eq!(find(&session, ObjectClass::PUBLIC_KEY, "renamed"), public);
        ask(2);
        let refused = session.sign(&Mechanism::EcdsaSha256, private, b"data");
        assert_eq!(refusal(refused), RvError::KeyFunctionNotPermitted);
        ask(3);
        let read = session.get_attributes(public, &[AttributeType::Label]);
        assert_eq!(refusal(read), RvError::ObjectHandleInvalid);
        assert_eq!(refusal(session.destroy_object(private)), RvError::ObjectHandleInvalid);
        let refused = session.sign(&Mechanism::EcdsaSha256, private, b"data");
        assert_eq!(refusal(refused), RvError::KeyHandleInvalid);
        assert!(session.find_objects(&[]).unwrap().is_empty());
        here.write_all(&[9]).unwrap();
        other.join();
    });
}

#[test]
fn a_process_that_is_killed_takes_its_sessions_its_objects_and_its_login_with_it() {
    isolated(|directory| {
        let daemon = Daemon::start_in(directory);
        let pkcs11 = load();
        let killed = beside(&pkcs11, |pkcs11| {
            let slot = slot(pkcs11, DEV);
            let sessions: Vec<_> = (0..3).map(|_| pkcs11.open_rw_session(slot).unwrap()).collect();
            sessions[0].login(UserType::User, Some(&pin(PIN))).unwrap();
            let fleeting = [Attribute::Token(false), Attribute::ValueLen(16.into())];
            sessions[1].generate_key(&Mechanism::AesKeyGen, &fleeting).unwrap();
            aes_key(&sessions[2], "lasting").unwrap();
            // They end with the process.
            std::mem::forget(sessions);
        });
        assert_eq!(counted(&daemon), (1, 3));
        initialize(&pkcs11).unwrap();
        let slot = slot(&pkcs11, DEV);
        assert_eq!(pkcs11.get_token_info(slot).unwrap().session_count(), Some(0));
        let refused = pkcs11.init_token(slot, &pin(SO_PIN), "new");
        assert_eq!(refusal(refused), RvError::SessionExists);
        killed.kill();
        wait_for(&daemon, (1, 0));
        let session = user_session(&pkcs11, slot);
        assert_eq!(session.find_objects(&[]).unwrap().len(), 1);
        find(&session, ObjectClass::SECRET_KEY, "lasting");
        session.close().unwrap();
        // Nobody's session is left on the token.
        pkcs11.init_token(slot, &pin(SO_PIN), "new").unwrap();
    });
}

#[test]
fn an_object_is_found_by_all_its_names_also_after_a_restart() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let slot = slot(&pkcs11, DEV);
        let session = user_session(&pkcs11, slot);
        let (public, private) = ec_pair(&session, "pair").unwrap();
        for label in ["pair", "other"] {
            aes_key(&session, label).unwrap();
        }
        let id = unique_id(&session, private);
        assert_ne!(id, unique_id(&session, public));
        let names = [
            vec![Attribute::Class(ObjectClass::PRIVATE_KEY)],
            vec![Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Label(b"pair".to_vec())],
            vec![Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(b"pair".to_vec())],
            vec![id.clone()],
        ];
        for template in &names {
            assert_eq!(session.find_objects(template).unwrap(), [private], "{template:?}");
        }
        assert_eq!(session.find_objects(&[Attribute::Label(b"pair".to_vec())]).unwrap().len(), 3);
        daemon.stop();
        daemon.start_again(&[]);
        let session = user_session(&pkcs11, slot);
        for template in &names {
            let found = session.find_objects(template).unwrap();
            assert_eq!(found.len(), 1, "{template:?}");
            assert_eq!(unique_id(&session, found[0]), id);
        }
    });
}
