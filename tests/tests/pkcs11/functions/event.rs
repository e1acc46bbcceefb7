//! C_WaitForSlotEvent: tokens that come and go.

use std::thread;

use coffer_tests::daemon::Daemon;
use coffer_tests::isolated::isolated;
use cryptoki_sys::{CKF_DONT_BLOCK, CKR_CRYPTOKI_NOT_INITIALIZED, CKR_NO_EVENT};

use super::c;

fn none() {
    assert_eq!(c::wait_for_slot_event(CKF_DONT_BLOCK), Err(CKR_NO_EVENT));
}

#[test]
fn a_token_that_is_made_wakes_who_waits() {
    isolated(|directory| {
        let daemon = Daemon::start_in(directory);
        c::initialize().unwrap();
        let before = c::slots().unwrap();
        none();
        let waiting = thread::spawn(|| c::wait_for_slot_event(0));
        let made = daemon.coffer(&["partition", "create", "second"]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let slot = waiting.join().unwrap().unwrap();
        assert!(!before.contains(&slot));
        assert!(c::slots().unwrap().contains(&slot));
        none();
    });
}

#[test]
fn a_daemon_that_goes_and_comes_back_is_two_events() {
    isolated(|directory| {
        let mut daemon = Daemon::start_in(directory);
        c::initialize().unwrap();
        let slots = c::slots().unwrap();
        none();
        let waiting = thread::spawn(|| c::wait_for_slot_event(0));
        daemon.kill();
        assert_eq!(waiting.join().unwrap(), Ok(slots[0]));
        assert_eq!(c::slots(), Ok(vec![]));
        none();
        let waiting = thread::spawn(|| c::wait_for_slot_event(0));
        daemon.start_again(&[]);
        assert_eq!(waiting.join().unwrap(), Ok(slots[0]));
        assert_eq!(c::slots(), Ok(slots));
        none();
    });
}

#[test]
fn finalize_wakes_who_waits() {
    isolated(|directory| {
        let _daemon = Daemon::start_in(directory);
        for _ in 0..100 {
            c::initialize().unwrap();
            let wait = |_| thread::spawn(|| c::wait_for_slot_event(0));
            let waiting: Vec<_> = (0..3).map(wait).collect();
            // Whether they wait already, or have only begun, is the same to them.
            c::finalize().unwrap();
            for thread in waiting {
                assert_eq!(thread.join().unwrap(), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
            }
        }
        assert_eq!(c::wait_for_slot_event(0), Err(CKR_CRYPTOKI_NOT_INITIALIZED));
    });
}
