//! A restart that is planned, with sockets that stay: what runs ends well, what comes meanwhile waits.

use std::sync::mpsc::channel;
use std::thread::{self, Scope, ScopedJoinHandle};

use coffer_tests::activated::Activated;
use coffer_tests::isolated::isolated;
use coffer_tests::process::{has_program, this_thread, wait_for_call, wait_until};
use coffer_tests::token::{ec_pair, find, open, pin, refusal};
use cryptoki::context::Pkcs11;
use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use nix::sys::signal::Signal;

const PIN: &str = "user-pin";
const SO_PIN: &str = "officer-pin";

fn user(pkcs11: &Pkcs11, slot: Slot) -> Session {
    let session = pkcs11.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&pin(PIN))).unwrap();
    session
}

/// Makes the token usable.
fn initialise(pkcs11: &Pkcs11) -> Slot {
    // The first start may take longer than a call waits.
    wait_until("the service serves", || !pkcs11.get_slots_with_token().unwrap().is_empty());
    let slot = pkcs11.get_slots_with_token().unwrap()[0];
    pkcs11.init_token(slot, &pin(SO_PIN), "dev").unwrap();
    let session = pkcs11.open_rw_session(slot).unwrap();
    session.login(UserType::So, Some(&pin(SO_PIN))).unwrap();
    session.init_pin(&pin(PIN)).unwrap();
    slot
}

/// Makes a call in a thread, and comes back when it waits for the daemon.
fn begin<'s, T: Send + 's>(
    scope: &'s Scope<'s, '_>,
    call: impl FnOnce() -> T + Send + 's,
) -> ScopedJoinHandle<'s, T> {
    let (tell, told) = channel();
    let calling = scope.spawn(move || {
        tell.send(this_thread()).unwrap();
        call()
    });
    wait_for_call(told.recv().unwrap());
    calling
}

#[test]
fn calls_that_run_end_well_and_calls_that_come_wait_for_the_new_daemon() {
    if !has_program("bash") {
        return;
    }
    isolated(|directory| {
        let mut service = Activated::start(directory);
        let pkcs11 = &open();
        let slot = initialise(pkcs11);
        let session = user(pkcs11, slot);
        let maker = pkcs11.open_rw_session(slot).unwrap();
        ec_pair(&session, "e").unwrap();

        // The request is in the daemon's hands before it hears that it has to end.
        service.stop();
        thread::scope(|scope| {
            let making = begin(scope, move || ec_pair(&maker, "late"));
            service.signal(Signal::SIGTERM);
            service.signal(Signal::SIGCONT);
            making.join().unwrap().unwrap();
        });
        assert!(service.wait().success());

        let waiting = thread::scope(|scope| {
            let waiting = begin(scope, || pkcs11.get_slots_with_token());
            assert!(!waiting.is_finished());
            service.start_again();
            waiting.join().unwrap()
        });
        assert_eq!(waiting.unwrap(), [slot]);
        assert_eq!(refusal(session.get_session_info()), RvError::SessionHandleInvalid);
        let session = user(pkcs11, slot);
        assert_eq!(session.find_objects(&[Attribute::Label(b"late".to_vec())]).unwrap().len(), 2);
        let private = find(&session, ObjectClass::PRIVATE_KEY, "e");
        session.sign(&Mechanism::EcdsaSha256, private, b"data").unwrap();
    });
}
