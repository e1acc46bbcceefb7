//! Many threads in the module at once.

use std::sync::Barrier;
use std::thread;

use coffer_tests::daemon::{Daemon, PIN};
use coffer_tests::isolated::isolated;
use coffer_tests::token::{
    DEV, aes_key, ec_pair, find, initialize, load, open, pin, refusal, slot, user_session,
};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::UserType;

const THREADS: usize = 16;

#[test]
fn sixteen_threads_sign_encrypt_and_find_at_once() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let slot = slot(&pkcs11, DEV);
        let session = user_session(&pkcs11, slot);
        let (aes, (public, private)) =
            (aes_key(&session, "shared").unwrap(), ec_pair(&session, "shared").unwrap());
        let barrier = Barrier::new(THREADS);
        let (pkcs11, barrier) = (&pkcs11, &barrier);
        thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || {
                    let session = pkcs11.open_rw_session(slot).unwrap();
                    let own = format!("own {thread}");
                    barrier.wait();
                    for round in 0..50_u8 {
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
