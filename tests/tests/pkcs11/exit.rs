//! The end of a process, and of the library in it: in any order, and with threads that have used it.

use std::sync::Barrier;
use std::thread;

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use coffer_tests::process::fork;
use coffer_tests::token::{DEV, aes_key, ec_pair, find, initialize, load, refusal, slot};
use coffer_tests::token::{open, user_session};
use cryptoki::context::Pkcs11;
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::ObjectClass;

const THREADS: usize = 8;

/// Whether C_Finalize is called.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Finalize {
    Called,
    Forgotten,
}

/// Signs with the key that is there.
fn sign(pkcs11: &Pkcs11) {
    let session = user_session(pkcs11, slot(pkcs11, DEV));
    let key = find(&session, ObjectClass::PRIVATE_KEY, "e");
    session.sign(&Mechanism::EcdsaSha256, key, b"data").unwrap();
}

/// Closes the library while threads live that have used it, and opens it again.
fn close_and_open(finalize: Finalize) {
    let pkcs11 = open();
    ec_pair(&user_session(&pkcs11, slot(&pkcs11, DEV)), "e").unwrap();
    let (used, closed) = (&Barrier::new(THREADS + 1), &Barrier::new(THREADS + 1));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            let pkcs11 = pkcs11.clone();
            scope.spawn(move || {
                sign(&pkcs11);
                drop(pkcs11);
                used.wait();
                closed.wait();
                // And here ends the thread, with whatever the library left in it.
            });
        }
        used.wait();
        if finalize == Finalize::Called {
            pkcs11.clone().finalize().unwrap();
        }
        drop(pkcs11);
        closed.wait();
    });
    let again = load();
    match (initialize(&again), finalize) {
        (Ok(()), Finalize::Called) => {}
        // Nobody ended what was begun, and the library has stayed for its sake.
        (outcome @ Err(_), Finalize::Forgotten) => {
            assert_eq!(refusal(outcome), RvError::CryptokiAlreadyInitialized);
        }
        (outcome, _) => panic!("{outcome:?}"),
    }
    sign(&again);
    again.finalize().unwrap();
}

#[test]
fn the_library_is_closed_after_finalising_and_opened_again() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        close_and_open(Finalize::Called);
    });
}

#[test]
fn the_library_is_closed_without_finalising_and_opened_again() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        close_and_open(Finalize::Forgotten);
    });
}

#[test]
fn a_process_exits_in_the_midst_of_calls() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = load();
        for round in 0..10 {
            fork(|| {
                initialize(&pkcs11).unwrap();
                let slot = slot(&pkcs11, DEV);
                let calling = &Barrier::new(THREADS + 1);
                thread::scope(|scope| {
                    for _ in 0..THREADS {
                        scope.spawn(|| {
                            let session = user_session(&pkcs11, slot);
                            let key = aes_key(&session, "k").unwrap();
                            calling.wait();
                            loop {
                                let cbc = Mechanism::AesCbcPad([0; 16]);
                                // The other threads end the module under this one.
                                let _ = session.encrypt(&cbc, key, &vec![7; 100_000]);
                            }
                        });
                    }
                    calling.wait();
                    if round % 2 == 1 {
                        pkcs11.clone().finalize().unwrap();
                    }
                    std::process::exit(0);
                });
            })
            .join();
        }
        initialize(&pkcs11).unwrap();
        let slot = slot(&pkcs11, DEV);
        assert_eq!(pkcs11.get_token_info(slot).unwrap().session_count(), Some(0));
    });
}
