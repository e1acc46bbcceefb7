//! Many threads in the module at once.
//!
//! | what they do | test |
//! |---|---|
//! | all kinds of calls in sessions of their own | `sixty_four_threads_sign_encrypt_and_find_at_once` |
//! | C_Initialize | `of_racing_initialisations_exactly_one_succeeds` |
//! | C_Initialize, C_Finalize and others in any order | `racing_initialisations_and_ends_follow_each_other` |
//! | C_Login | `of_racing_logins_exactly_one_succeeds` |
//! | calls, while one finalises | `finalising_ends_what_other_threads_do_with_an_error` |
//! | open sessions and make objects in them, while one finalises | `no_session_is_left_when_c_finalize_returns` |

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use coffer_client::{Application, ConnectOptions, Role};
use coffer_protocol::operation::system::GetStatus;
use coffer_tests::daemon::{Daemon, PIN};
use coffer_tests::isolated::isolated;
use coffer_tests::token::{
    DEV, aes_key, ec_pair, find, initialize, load, open, pin, refusal, slot, user_session,
};
use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;

const THREADS: usize = 16;
/// As many as an application has sockets.
const MANY: usize = 64;

#[test]
fn sixty_four_threads_sign_encrypt_and_find_at_once() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let slot = slot(&pkcs11, DEV);
        let session = user_session(&pkcs11, slot);
        let (aes, (public, private)) =
            (aes_key(&session, "shared").unwrap(), ec_pair(&session, "shared").unwrap());
        let barrier = Barrier::new(MANY);
        let (pkcs11, barrier) = (&pkcs11, &barrier);
        thread::scope(|scope| {
            for thread in 0..MANY {
                scope.spawn(move || {
                    let session = pkcs11.open_rw_session(slot).unwrap();
                    let own = format!("own {thread}");
                    barrier.wait();
                    for round in 0..20_u8 {
                        let data = vec![round; 1000 * thread];
                        let signature =
                            session.sign(&Mechanism::EcdsaSha256, private, &data).unwrap();
                        session.verify(&Mechanism::EcdsaSha256, public, &data, &signature).unwrap();
                        let cbc = Mechanism::AesCbcPad([round; 16]);
                        let encrypted = session.encrypt(&cbc, aes, &data).unwrap();
                        assert!(data == session.decrypt(&cbc, aes, &encrypted).unwrap());
                        assert_eq!(find(&session, ObjectClass::SECRET_KEY, "shared"), aes);
                    }
                    let template = [
                        Attribute::Token(false),
                        Attribute::ValueLen(32.into()),
                        Attribute::Label(own.clone().into()),
                    ];
                    let made = session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
                    assert_eq!(find(&session, ObjectClass::SECRET_KEY, &own), made);
                    session.destroy_object(made).unwrap();
                    session.close().unwrap();
                });
            }
        });
        assert_eq!(session.find_objects(&[]).unwrap().len(), 3);
        assert_eq!(pkcs11.get_token_info(slot).unwrap().session_count(), Some(1));
    });
}

#[test]
fn of_racing_initialisations_exactly_one_succeeds() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = &load();
        for _ in 0..50 {
            let barrier = Barrier::new(THREADS);
            let race = || {
                barrier.wait();
                initialize(pkcs11)
            };
            let outcomes: Vec<Result<(), Error>> = thread::scope(|scope| {
                let racers: Vec<_> = (0..THREADS).map(|_| scope.spawn(race)).collect();
                racers.into_iter().map(|racer| racer.join().unwrap()).collect()
            });
            let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
            assert_eq!(won.len(), 1);
            for outcome in lost {
                assert_eq!(refusal(outcome), RvError::CryptokiAlreadyInitialized);
            }
            slot(pkcs11, DEV);
            pkcs11.clone().finalize().unwrap();
            let after = pkcs11.get_slots_with_token();
            assert_eq!(refusal(after), RvError::CryptokiNotInitialized);
        }
    });
}

#[test]
fn racing_initialisations_and_ends_follow_each_other() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = &load();
        let barrier = &Barrier::new(THREADS);
        // How much more often the one has succeeded than the other.
        let balance: i64 = thread::scope(|scope| {
            let racers: Vec<_> = (0..THREADS)
                .map(|thread| {
                    scope.spawn(move || {
                        barrier.wait();
                        (0..300).map(|round| race(pkcs11, thread + round)).sum::<i64>()
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        let ended = pkcs11.clone().finalize();
        match balance {
            1 => ended.unwrap(),
            0 => assert_eq!(refusal(ended), RvError::CryptokiNotInitialized),
            other => panic!("{other}"),
        }
        initialize(pkcs11).unwrap();
        slot(pkcs11, DEV);
    });
}

/// One call of the race: 1 for an initialisation, -1 for an end.
fn race(pkcs11: &Pkcs11, which: usize) -> i64 {
    let not_initialized = |code| assert_eq!(code, RvError::CryptokiNotInitialized);
    match which % 4 {
        0 => match initialize(pkcs11) {
            Ok(()) => return 1,
            outcome => assert_eq!(refusal(outcome), RvError::CryptokiAlreadyInitialized),
        },
        1 => match pkcs11.clone().finalize() {
            Ok(()) => return -1,
            outcome => not_initialized(refusal(outcome)),
        },
        2 => match pkcs11.get_slots_with_token() {
            Ok(_) => {}
            outcome => not_initialized(refusal(outcome)),
        },
        _ => use_it(pkcs11),
    }
    0
}

/// Opens a session and closes it; the module may end and begin in between.
fn use_it(pkcs11: &Pkcs11) {
    use RvError::{
        CryptokiNotInitialized, DeviceRemoved, SessionHandleInvalid, SlotIdInvalid, TokenNotPresent,
    };
    let codes = [
        CryptokiNotInitialized,
        DeviceRemoved,
        SessionHandleInvalid,
        SlotIdInvalid,
        TokenNotPresent,
    ];
    let Ok(slots) = pkcs11.get_slots_with_token() else { return };
    let Some(slot) = slots.first() else { return };
    let outcome = pkcs11.open_ro_session(*slot).and_then(|session| {
        session.find_objects(&[])?;
        session.close()
    });
    if outcome.is_err() {
        let code = refusal(outcome);
        assert!(codes.contains(&code), "{code:?}");
    }
}

#[test]
fn of_racing_logins_exactly_one_succeeds() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = &open();
        let slot = slot(pkcs11, DEV);
        let barrier = Barrier::new(THREADS);
        let race = || {
            let session = pkcs11.open_rw_session(slot).unwrap();
            barrier.wait();
            let outcome = session.login(UserType::User, Some(&pin(PIN)));
            aes_key(&session, "k").unwrap();
            barrier.wait();
            outcome
        };
        let outcomes: Vec<Result<(), Error>> = thread::scope(|scope| {
            let racers: Vec<_> = (0..THREADS).map(|_| scope.spawn(race)).collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        for outcome in lost {
            assert_eq!(refusal(outcome), RvError::UserAlreadyLoggedIn);
        }
    });
}

#[test]
fn finalising_ends_what_other_threads_do_with_an_error() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = &open();
        let slot = slot(pkcs11, DEV);
        let first = user_session(pkcs11, slot);
        let (_, private) = ec_pair(&first, "e").unwrap();
        let begun = Barrier::new(THREADS + 1);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    let session = user_session(pkcs11, slot);
                    begun.wait();
                    let sign = || session.sign(&Mechanism::EcdsaSha256, private, b"data");
                    let error = std::iter::repeat_with(sign).find_map(Result::err).unwrap();
                    let code = refusal(Err::<(), _>(error));
                    assert!(
                        matches!(
                            code,
                            RvError::CryptokiNotInitialized | RvError::SessionHandleInvalid
                        ),
                        "{code:?}"
                    );
                });
            }
            begun.wait();
            pkcs11.clone().finalize().unwrap();
        });
    });
}

#[test]
fn no_session_is_left_when_c_finalize_returns() {
    const ROUNDS: usize = 100;
    /// How often a thread is refused before it believes that it is over.
    const REFUSALS: usize = 20;
    isolated(|directory| {
        let daemon = Daemon::start_in(directory);
        // Another application, which tells what the daemon has.
        let options = ConnectOptions::new(Role::Application, "watching");
        let watching = Application::open(&daemon.socket(), &options).unwrap();
        let sessions = || watching.call(&GetStatus {}, &[]).unwrap().meta.sessions;
        let pkcs11 = &load();
        let (opened, refused) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
        let mut left = [0, 0];
        for round in 0..ROUNDS {
            initialize(pkcs11).unwrap();
            let slot = slot(pkcs11, DEV);
            let before = opened.load(Ordering::Relaxed);
            let open = move || {
                for _ in 0..REFUSALS {
                    while let Ok(session) = pkcs11.open_rw_session(slot) {
                        opened.fetch_add(1, Ordering::Relaxed);
                        let label = Attribute::Label(b"data".to_vec());
                        let _ =
                            session.create_object(&[Attribute::Class(ObjectClass::DATA), label]);
                        // It is C_Finalize that ends it.
                        std::mem::forget(session);
                    }
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            };
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(open);
                }
                while opened.load(Ordering::Relaxed) < before + round % 20 {
                    thread::yield_now();
                }
                pkcs11.clone().finalize().unwrap();
                left[0] += sessions();
            });
            left[1] += sessions();
        }
        let (opened, refused) = (opened.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
        eprintln!("{ROUNDS} rounds: {opened} opened, {refused} refused, {left:?} left");
        assert!(opened > 0 && refused > 0);
        assert_eq!(left, [0, 0]);
    });
}
