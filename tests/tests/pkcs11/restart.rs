//! A daemon that is killed and comes back: nothing that was acknowledged is lost, and the process that uses
//! the module goes on.
//!
//! | what happens while or after | test |
//! |---|---|
//! | a call is in flight, and those after it | `a_call_that_is_in_flight_loses_its_device_and_later_ones_their_session` |
//! | slots are listed while the daemon is away, opened when it is back, without a login | `the_same_process_goes_on_with_a_new_session` |
//! | slots are asked about while it is away, again and again | `a_daemon_that_is_away_is_not_asked_for_at_every_call` |
//! | C_CloseSession, C_Finalize | `a_call_that_is_in_flight_…`, `finalising_without_a_daemon_succeeds` |
//! | the daemon is back before anybody noticed that it was away | `a_restart_that_nobody_noticed_costs_sessions_only` |
//! | it hangs | `a_daemon_that_hangs_is_given_up_soon_and_found_again` |
//! | it was never there | `a_daemon_that_is_absent_is_a_module_without_tokens` |
//! | changes were acknowledged | `nothing_acknowledged_is_lost_when_the_daemon_is_killed` |
//! | a reply is lost | once.rs |
//! | C_WaitForSlotEvent waits | functions/event.rs |
//! | the restart is planned | planned.rs |

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Instant;

use coffer_client::connection::{ConnectOptions, Connection, Role};
use coffer_tests::daemon::{Daemon, binaries};
use coffer_tests::isolated::isolated;
use coffer_tests::process::{stop, this_thread, wait_for_call};
use coffer_tests::token::{
    DEV, aes_key, ec_pair, find, open, public_key_info, refusal, slot, user_session, wait_for_slot,
};
use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use nix::sys::signal::{Signal, kill};

/// Acknowledged creations after which the daemon is killed.
const ACKNOWLEDGED: usize = 100;

/// A creation that the daemon has acknowledged.
#[derive(Debug)]
enum Made {
    /// A CMK, by its id.
    Cmk(String),
    /// A key of an application, by its label.
    Key(String),
}

/// Makes CMKs through `coffer call --batch` until the daemon is gone.
fn make_cmks(daemon: &Daemon, thread: usize, made: &Sender<Made>) {
    let mut batch = daemon
        .command(binaries().join("coffer"))
        .args(["call", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut requests = batch.stdin.take().unwrap();
    let mut answers = BufReader::new(batch.stdout.take().unwrap()).lines();
    for number in 0.. {
        let request = serde_json::json!({"Alias": format!("cmk-{thread}-{number}")});
        let line = serde_json::json!({"Action": "CreateKey", "Request": request});
        if writeln!(requests, "{line}").is_err() {
            break;
        }
        let Some(Ok(answer)) = answers.next() else { break };
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let Some(id) = answer["KeyId"].as_str() else { break };
        made.send(Made::Cmk(id.to_owned())).unwrap();
    }
    drop(requests);
    batch.wait().unwrap();
}

/// Makes keys through the module until the daemon is gone.
fn make_keys(session: &Session, round: usize, thread: usize, made: &Sender<Made>) {
    for number in 0.. {
        let label = format!("key-{round}-{thread}-{number}");
        match aes_key(session, &label) {
            Ok(_) => made.send(Made::Key(label)).unwrap(),
            Err(error) => {
                let code = refusal(Err::<(), Error>(error));
                let codes = [RvError::DeviceRemoved, RvError::SessionHandleInvalid];
                assert!(codes.contains(&code), "{code:?}");
                break;
            }
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_daemon_is_killed() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let mut all = Vec::new();
        for round in 0..3 {
            let slot = wait_for_slot(&pkcs11);
            let (made, acknowledged) = mpsc::channel();
            let pid = daemon.pid();
            thread::scope(|scope| {
                let daemon = &daemon;
                for thread in 0..2 {
                    let session = user_session(&pkcs11, slot);
                    let (one, two) = (made.clone(), made.clone());
                    scope.spawn(move || make_cmks(daemon, 10 * round + thread, &one));
                    scope.spawn(move || make_keys(&session, round, thread, &two));
                }
                drop(made);
                let (mut cmks, mut keys) = (0, 0);
                for made in &acknowledged {
                    *(if matches!(made, Made::Cmk(_)) { &mut cmks } else { &mut keys }) += 1;
                    all.push(made);
                    if cmks + keys >= ACKNOWLEDGED && cmks.min(keys) > 0 {
                        break;
                    }
                }
                nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
                all.extend(acknowledged.iter());
            });
            daemon.wait_killed();
            daemon.start_again(&[]);
        }
        let session = user_session(&pkcs11, wait_for_slot(&pkcs11));
        assert!(all.len() >= 3 * ACKNOWLEDGED);
        let cbc = Mechanism::AesCbcPad([0; 16]);
        for made in &all {
            match made {
                Made::Cmk(id) => {
                    let id = hex::decode(id.replace('-', "")).unwrap();
                    let template = [Attribute::Id(id), Attribute::Encrypt(true)];
                    assert_eq!(session.find_objects(&template).unwrap().len(), 1, "{made:?}");
                }
                Made::Key(label) => {
                    let key = find(&session, ObjectClass::SECRET_KEY, label);
                    session.encrypt(&cbc, key, b"data").unwrap();
                }
            }
        }
        let audit = daemon.coffer(&["call", "VerifyAudit"]);
        assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
    });
}

#[test]
fn the_same_process_goes_on_with_a_new_session() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        assert!(daemon.coffer(&["key", "create", "off"]).status.success());
        assert!(daemon.coffer(&["key", "disable", "off"]).status.success());
        let pkcs11 = open();
        let slot = slot(&pkcs11, DEV);
        let old = user_session(&pkcs11, slot);
        let (public, private) = ec_pair(&old, "e").unwrap();
        let info = public_key_info(&old, public);
        let template = [Attribute::Token(false), Attribute::ValueLen(16.into())];
        old.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
        let signature = old.sign(&Mechanism::EcdsaSha256, private, b"data").unwrap();

        daemon.kill();
        let lost = refusal(old.sign(&Mechanism::EcdsaSha256, private, b"data"));
        let codes = [RvError::DeviceRemoved, RvError::SessionHandleInvalid];
        assert!(codes.contains(&lost), "{lost:?}");
        let again = old.sign(&Mechanism::EcdsaSha256, private, b"data");
        assert_eq!(refusal(again), RvError::SessionHandleInvalid);
        assert!(pkcs11.get_slots_with_token().unwrap().is_empty());
        assert_eq!(pkcs11.get_all_slots().unwrap(), [slot]);
        assert_eq!(refusal(pkcs11.open_rw_session(slot)), RvError::TokenNotPresent);

        daemon.start_again(&[]);
        assert_eq!(wait_for_slot(&pkcs11), slot);
        let dead = old.sign(&Mechanism::EcdsaSha256, private, b"data");
        assert_eq!(refusal(dead), RvError::SessionHandleInvalid);
        let public_session = pkcs11.open_rw_session(slot).unwrap();
        let hidden = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
        assert!(public_session.find_objects(&hidden).unwrap().is_empty(), "nobody is logged in");

        let new = user_session(&pkcs11, slot);
        assert_eq!(new.find_objects(&[]).unwrap().len(), 3, "token objects only");
        let public = find(&new, ObjectClass::PUBLIC_KEY, "e");
        assert_eq!(public_key_info(&new, public), info);
        new.verify(&Mechanism::EcdsaSha256, public, b"data", &signature).unwrap();
        let private = find(&new, ObjectClass::PRIVATE_KEY, "e");
        new.sign(&Mechanism::EcdsaSha256, private, b"data").unwrap();
        let off = find(&new, ObjectClass::SECRET_KEY, "off");
        let refused = new.encrypt_init(&gcm(&mut [0; 12]), off);
        assert_eq!(refusal(refused), RvError::KeyFunctionNotPermitted);
        assert!(daemon.coffer(&["key", "enable", "off"]).status.success());
        new.encrypt(&gcm(&mut [0; 12]), off, b"data").unwrap();
    });
}

fn gcm(iv: &mut [u8]) -> Mechanism<'_> {
    use cryptoki::mechanism::aead::GcmParams;
    Mechanism::AesGcm(GcmParams::new(iv, &[], 128.into()).unwrap())
}

#[test]
fn a_daemon_that_is_absent_is_a_module_without_tokens() {
    isolated(|directory| {
        let pkcs11 = open();
        assert!(pkcs11.get_slots_with_token().unwrap().is_empty());
        assert!(pkcs11.get_all_slots().unwrap().is_empty());
        pkcs11.get_library_info().unwrap();
        let _daemon = Daemon::start_in(directory);
        let slot = wait_for_slot(&pkcs11);
        aes_key(&user_session(&pkcs11, slot), "k").unwrap();
        pkcs11.finalize().unwrap();
    });
}

#[test]
fn a_call_that_is_in_flight_loses_its_device_and_later_ones_their_session() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let slot = slot(&pkcs11, DEV);
        let session = user_session(&pkcs11, slot);
        let idle = pkcs11.open_ro_session(slot).unwrap();
        let (_, private) = ec_pair(&session, "e").unwrap();
        stop(daemon.pid());
        let session = thread::scope(|scope| {
            let (tell, told) = mpsc::channel();
            let signing = scope.spawn(move || {
                tell.send(this_thread()).unwrap();
                let signed = session.sign(&Mechanism::EcdsaSha256, private, b"data");
                (session, refusal(signed))
            });
            wait_for_call(told.recv().unwrap());
            daemon.kill();
            let (session, code) = signing.join().unwrap();
            assert_eq!(code, RvError::DeviceRemoved);
            session
        });
        let again = session.sign(&Mechanism::EcdsaSha256, private, b"data");
        assert_eq!(refusal(again), RvError::SessionHandleInvalid);
        assert_eq!(refusal(session.close()), RvError::SessionHandleInvalid);
        assert_eq!(refusal(idle.get_session_info()), RvError::SessionHandleInvalid);
        assert_eq!(refusal(idle.close()), RvError::SessionHandleInvalid);
        pkcs11.finalize().unwrap();
    });
}

#[test]
fn a_restart_that_nobody_noticed_costs_sessions_only() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let slot = slot(&pkcs11, DEV);
        let calls: [fn(&Pkcs11, Slot); 4] = [
            |pkcs11, slot| assert!(pkcs11.get_token_info(slot).unwrap().token_initialized()),
            |pkcs11, slot| drop(pkcs11.open_ro_session(slot).unwrap()),
            |pkcs11, slot| assert_eq!(pkcs11.get_slots_with_token().unwrap(), [slot]),
            |pkcs11, slot| assert!(!pkcs11.get_mechanism_list(slot).unwrap().is_empty()),
        ];
        for first in calls {
            let old = pkcs11.open_ro_session(slot).unwrap();
            daemon.kill();
            daemon.start_again(&[]);
            first(&pkcs11, slot);
            assert_eq!(refusal(old.get_session_info()), RvError::SessionHandleInvalid);
        }
    });
}

#[test]
fn a_daemon_that_is_away_is_not_asked_for_at_every_call() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let slot = slot(&pkcs11, DEV);
        daemon.kill();
        // Somebody who takes every connection, and ends it.
        let socket = daemon.socket();
        std::fs::remove_file(&socket).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let taken = Arc::new(AtomicU64::new(0));
        let count = taken.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                drop(client);
            }
        });
        let begun = Instant::now();
        for _ in 0..500 {
            let mechanism = MechanismType::AES_GCM;
            let absent = RvError::TokenNotPresent;
            assert_eq!(refusal(pkcs11.get_token_info(slot)), absent);
            assert_eq!(refusal(pkcs11.open_ro_session(slot)), absent);
            assert_eq!(refusal(pkcs11.get_mechanism_list(slot)), absent);
            assert_eq!(refusal(pkcs11.get_mechanism_info(slot, mechanism)), absent);
            assert!(!pkcs11.get_slot_info(slot).unwrap().token_present());
            assert_eq!(pkcs11.get_all_slots().unwrap(), [slot]);
        }
        // One at first, perhaps on each of two sockets, and one a second afterwards.
        let most = 2 + begun.elapsed().as_secs();
        assert!((1..=most).contains(&taken.load(Ordering::SeqCst)), "{taken:?} of {most}");
    });
}

#[test]
fn finalising_without_a_daemon_succeeds() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        let pkcs11 = open();
        let session = user_session(&pkcs11, slot(&pkcs11, DEV));
        daemon.kill();
        pkcs11.finalize().unwrap();
        drop(session);
    });
}

/// The module is patient once, as the daemon may be about to serve. Then the clock is another client, which waits for
/// the stopped daemon as long as is usual: the module has given it up before, and more than once.
#[test]
fn a_daemon_that_hangs_is_given_up_soon_and_found_again() {
    isolated(|directory| {
        let daemon = Daemon::start_in(directory);
        stop(daemon.pid());
        let pkcs11 = open();
        assert!(pkcs11.get_slots_with_token().unwrap().is_empty());
        let socket = daemon.socket();
        let other = thread::spawn(move || {
            let options = ConnectOptions::new(Role::Service, "patient");
            Connection::open(&socket, &options).map(drop)
        });
        let mut answers = 0;
        while !other.is_finished() {
            assert!(pkcs11.get_slots_with_token().unwrap().is_empty());
            answers += 1;
            thread::yield_now();
        }
        assert!(other.join().unwrap().is_err());
        assert!(answers > 1, "{answers} answers");
        kill(daemon.pid(), Signal::SIGCONT).unwrap();
        let slot = wait_for_slot(&pkcs11);
        assert!(pkcs11.get_token_info(slot).is_ok());
    });
}
