//! Forked children: they have no module until their own C_Initialize, and cannot harm their parent.
//!
//! | what a child does | test |
//! |---|---|
//! | nothing, or C_Finalize without C_Initialize | `a_child_has_no_module_and_its_parent_keeps_its_own` |
//! | any call, without C_Initialize | `a_child_that_only_calls_keeps_nothing_of_its_parent` |
//! | the same, after it has closed everything and opened files | `a_child_keeps_what_it_opened_in_the_place_of_sockets` |
//! | C_Initialize | `a_child_that_initialises_logs_in_and_signs_beside_its_parent` |
//! | C_Finalize after that | `finalising_in_a_child_does_not_hurt_the_parent` |
//! | becomes another user, without an environment | `a_child_that_is_somebody_else_has_a_module_of_its_own` |
//! | exits in order, with what that runs | `a_child_that_exits_takes_nothing_from_its_parent` |
//! | forks again | `a_grandchild_is_as_good_as_a_child` |
//! | comes from a process whose threads are in calls | `a_fork_in_the_midst_of_calls_of_other_threads_…` |

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use coffer_client::{Application, ConnectOptions, Role};
use coffer_protocol::operation::system::GetStatus;
use coffer_tests::daemon::{DEADLINE, Daemon, PIN, module};
use coffer_tests::isolated::isolated;
use coffer_tests::process::{clear_environment, fork, has_program, is_root};
use coffer_tests::token::{
    DEV, ec_pair, find, initialize, load, open, pin, refusal, slot, user_session,
};
use cryptoki::context::Pkcs11;
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use nix::unistd::close;

/// A user without rights.
const NOBODY: u32 = 65534;

fn start(directory: &Path) -> (Daemon, Pkcs11, Session, ObjectHandle) {
    let daemon = Daemon::start_in(directory);
    let pkcs11 = open();
    let session = user_session(&pkcs11, slot(&pkcs11, DEV));
    let (_, private) = ec_pair(&session, "e").unwrap();
    (daemon, pkcs11, session, private)
}

/// What a process does that has just called C_Initialize.
fn log_in_and_sign(pkcs11: &Pkcs11) {
    let session = pkcs11.open_rw_session(slot(pkcs11, DEV)).unwrap();
    session.login(UserType::User, Some(&pin(PIN))).unwrap();
    let key = find(&session, ObjectClass::PRIVATE_KEY, "e");
    session.sign(&Mechanism::EcdsaSha256, key, b"child").unwrap();
}

#[test]
fn a_child_has_no_module_and_its_parent_keeps_its_own() {
    isolated(|directory| {
        let (_daemon, pkcs11, session, private) = start(directory);
        fork(|| {
            let slots = pkcs11.get_slots_with_token();
            assert_eq!(refusal(slots), RvError::CryptokiNotInitialized);
            let signed = session.sign(&Mechanism::EcdsaSha256, private, b"child");
            assert_eq!(refusal(signed), RvError::CryptokiNotInitialized);
            let finalized = pkcs11.clone().finalize();
            assert_eq!(refusal(finalized), RvError::CryptokiNotInitialized);
        })
        .join();
        session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
    });
}

#[test]
fn a_child_that_only_calls_keeps_nothing_of_its_parent() {
    isolated(|directory| {
        let (daemon, pkcs11, session, private) = start(directory);
        let options = ConnectOptions::new(Role::Application, "watching");
        let watching = Application::open(&daemon.socket(), &options).unwrap();
        let applications = || watching.call(&GetStatus {}, &[]).unwrap().meta.applications;
        let (mut here, mut there) = UnixStream::pair().unwrap();
        let child = fork(|| {
            let signed = session.sign(&Mechanism::EcdsaSha256, private, b"child");
            assert_eq!(refusal(signed), RvError::CryptokiNotInitialized);
            there.write_all(b"!").unwrap();
            // It lives on, until its parent has nothing more to say.
            there.read_exact(&mut [0]).unwrap();
        });
        here.read_exact(&mut [0]).unwrap();
        assert_eq!(applications(), 2);
        session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
        pkcs11.clone().finalize().unwrap();
        // The application ends with its last socket, of which the child has none.
        let deadline = Instant::now() + DEADLINE;
        while applications() != 1 {
            assert!(Instant::now() < deadline, "the child keeps its parent's application");
            thread::yield_now();
        }
        here.write_all(b"!").unwrap();
        child.join();
    });
}

#[test]
fn a_child_keeps_what_it_opened_in_the_place_of_sockets() {
    isolated(|directory| {
        let (_daemon, pkcs11, session, private) = start(directory);
        for initialises in [false, true] {
            fork(|| {
                // As a service does that goes to the background.
                for descriptor in 3..1024 {
                    let _ = close(descriptor);
                }
                let open = |number| File::create(directory.join(format!("file {number}"))).unwrap();
                let mut files: Vec<File> = (0..64).map(open).collect();
                if initialises {
                    initialize(&pkcs11).unwrap();
                    log_in_and_sign(&pkcs11);
                } else {
                    let slots = pkcs11.get_slots_with_token();
                    assert_eq!(refusal(slots), RvError::CryptokiNotInitialized);
                }
                for file in &mut files {
                    file.write_all(b"kept").unwrap();
                }
            })
            .join();
            session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
        }
    });
}

#[test]
fn a_child_that_initialises_logs_in_and_signs_beside_its_parent() {
    isolated(|directory| {
        let (_daemon, pkcs11, session, private) = start(directory);
        let child = fork(|| {
            initialize(&pkcs11).unwrap();
            let old = session.sign(&Mechanism::EcdsaSha256, private, b"child");
            assert_eq!(refusal(old), RvError::SessionHandleInvalid);
            log_in_and_sign(&pkcs11);
        });
        for _ in 0..100 {
            session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
        }
        child.join();
        session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
    });
}

#[test]
fn finalising_in_a_child_does_not_hurt_the_parent() {
    isolated(|directory| {
        let (_daemon, pkcs11, session, private) = start(directory);
        fork(|| {
            initialize(&pkcs11).unwrap();
            log_in_and_sign(&pkcs11);
            pkcs11.clone().finalize().unwrap();
            initialize(&pkcs11).unwrap();
            log_in_and_sign(&pkcs11);
        })
        .join();
        session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
        assert_eq!(session.find_objects(&[]).unwrap().len(), 2);
    });
}

#[test]
fn a_child_that_exits_takes_nothing_from_its_parent() {
    isolated(|directory| {
        let (_daemon, pkcs11, session, private) = start(directory);
        for has_own in [false, true] {
            fork(|| {
                if has_own {
                    initialize(&pkcs11).unwrap();
                    log_in_and_sign(&pkcs11);
                }
                std::process::exit(0);
            })
            .join();
            session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
            assert_eq!(pkcs11.get_token_info(slot(&pkcs11, DEV)).unwrap().session_count(), Some(1));
        }
    });
}

/// Gives up being root.
fn become_nobody() {
    use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};
    setgroups(&[]).unwrap();
    setgid(Gid::from_raw(NOBODY)).unwrap();
    setuid(Uid::from_raw(NOBODY)).unwrap();
}

#[test]
fn a_child_that_is_somebody_else_has_a_module_of_its_own() {
    if !is_root() {
        return;
    }
    isolated(|directory| {
        let (_daemon, pkcs11, session, private) = start(directory);
        // Without the variable that names the socket, there is none on this machine.
        let child = |open: bool| {
            let pkcs11 = pkcs11.clone();
            move || {
                become_nobody();
                if !open {
                    clear_environment();
                }
                let slots = pkcs11.get_slots_with_token();
                assert_eq!(refusal(slots), RvError::CryptokiNotInitialized);
                initialize(&pkcs11).unwrap();
                if open {
                    // Another user is another caller: nobody is logged in.
                    let session = pkcs11.open_rw_session(slot(&pkcs11, DEV)).unwrap();
                    let hidden = [Attribute::Class(ObjectClass::PRIVATE_KEY)];
                    assert!(session.find_objects(&hidden).unwrap().is_empty());
                    log_in_and_sign(&pkcs11);
                } else {
                    assert!(pkcs11.get_slots_with_token().unwrap().is_empty());
                    assert!(pkcs11.get_all_slots().unwrap().is_empty());
                }
                pkcs11.clone().finalize().unwrap();
            }
        };
        // The folder of the test is closed to others: no socket, no token, no error.
        fork(child(false)).join();
        let permit = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        permit(directory, 0o711);
        permit(&directory.join("coffer.sock"), 0o666);
        fork(child(true)).join();
        fork(child(false)).join();
        session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
    });
}

#[test]
fn a_grandchild_is_as_good_as_a_child() {
    isolated(|directory| {
        let (_daemon, pkcs11, session, private) = start(directory);
        fork(|| {
            initialize(&pkcs11).unwrap();
            log_in_and_sign(&pkcs11);
            fork(|| {
                let slots = pkcs11.get_slots_with_token();
                assert_eq!(refusal(slots), RvError::CryptokiNotInitialized);
                initialize(&pkcs11).unwrap();
                log_in_and_sign(&pkcs11);
            })
            .join();
        })
        .join();
        session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
    });
}

#[test]
fn a_fork_between_loading_and_initialising_is_nothing_special() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        let pkcs11 = load();
        let child = fork(|| {
            initialize(&pkcs11).unwrap();
            let session = user_session(&pkcs11, slot(&pkcs11, DEV));
            ec_pair(&session, "e").unwrap();
        });
        child.join();
        initialize(&pkcs11).unwrap();
        log_in_and_sign(&pkcs11);
    });
}

#[test]
fn a_fork_in_the_midst_of_calls_of_other_threads_gives_a_child_that_works() {
    isolated(|directory| {
        let (_daemon, pkcs11, session, private) = start(directory);
        let slot = slot(&pkcs11, DEV);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let session = pkcs11.open_ro_session(slot).unwrap();
                    while !over.load(Ordering::Relaxed) {
                        session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
                    }
                });
            }
            for _ in 0..20 {
                fork(|| {
                    initialize(&pkcs11).unwrap();
                    log_in_and_sign(&pkcs11);
                })
                .join();
            }
            over.store(true, Ordering::Relaxed);
        });
        session.sign(&Mechanism::EcdsaSha256, private, b"parent").unwrap();
    });
}

#[test]
fn pkcs11_tool_forks_without_an_error() {
    if !has_program("pkcs11-tool") {
        return;
    }
    let daemon = Daemon::start();
    let mut tool = daemon.command("pkcs11-tool");
    let output = tool.arg("--module").arg(module()).arg("--test-fork").output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    let words = String::from_utf8_lossy(&[out, err].concat()).to_lowercase();
    assert!(output.status.success(), "{words}");
    assert!(words.contains("forked child") && !words.contains("error"), "{words}");
    assert!(!words.contains("ckr_"), "{words}");
}
