//! What a forked child finds, and what it leaves to its parent.
#![expect(unsafe_code, reason = "fork")]
#![expect(clippy::unwrap_used, reason = "a failure is the test's")]

use std::sync::atomic::{AtomicBool, Ordering};

use coffer_pkcs11::ffi::exports as c;
use coffer_protocol::mechanism::ckm;
use cryptoki_sys::{CKR_CRYPTOKI_NOT_INITIALIZED, CKR_OK};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, alarm, fork};

use crate::api::{self, Mechanism};
use crate::fake::{Fake, RSA_PRIVATE};

const SIGN: Mechanism<'_> = Mechanism(ckm::CKM_SHA256_RSA_PKCS, &[]);

/// Runs `child` in a forked child and tells whether all it checked was right.
fn in_child(child: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child calls the module, which is what is tested, and ends without running destructors.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            // A child that hangs in a lock is ended, and the test with it.
            alarm::set(60);
            let status = i32::from(!child());
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(status) }
        }
        ForkResult::Parent { child } => {
            matches!(waitpid(child, None).unwrap(), WaitStatus::Exited(_, 0))
        }
    }
}

fn nothing_is_initialized() -> bool {
    let rows = c::READY.iter().flat_map(|rows| rows.iter());
    rows.into_iter().all(|row| (row.call_with_zeros)() == CKR_CRYPTOKI_NOT_INITIALIZED)
}

#[test]
fn a_child_without_its_own_initialize_has_nothing_and_may_initialize() {
    let _alone = api::alone();
    api::use_socket("/nonexistent/coffer.sock".as_ref());
    api::initialize().unwrap();
    assert!(in_child(|| {
        nothing_is_initialized()
            && api::finalize() == Err(CKR_CRYPTOKI_NOT_INITIALIZED)
            && api::initialize().is_ok()
            && api::slots(false) == Ok(vec![])
            && api::finalize().is_ok()
    }));
    assert_eq!(api::slots(false), Ok(vec![]));
    api::finalize().unwrap();
}

#[test]
fn the_child_works_with_sockets_of_its_own_and_the_parent_goes_on() {
    let fake = Fake::start();
    let session = fake.session();
    api::sign_init(session, &SIGN, RSA_PRIVATE.into()).unwrap();
    assert!(in_child(|| {
        nothing_is_initialized()
            && api::initialize().is_ok()
            && api::session_state(session).is_err()
            && api::open_session(0).is_ok_and(|session| api::session_state(session) == Ok(2))
            && api::finalize().is_ok()
    }));
    assert_eq!(api::sign(session, b"data", Some(256)).rv, CKR_OK);
    assert_eq!(api::session_state(session), Ok(2));
}

#[test]
fn a_child_of_a_process_whose_threads_are_busy_does_not_hang() {
    let fake = Fake::start();
    let session = fake.session();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let session = api::open_session(0).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    api::find_init(session, &[]).unwrap();
                    api::find_final(session).unwrap();
                }
            });
        }
        for _ in 0..10 {
            assert!(in_child(|| {
                nothing_is_initialized()
                    && api::initialize().is_ok()
                    && api::open_session(0).is_ok()
                    && api::finalize().is_ok()
            }));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(api::session_state(session), Ok(2));
}
