use std::path::Path;
use std::time::Duration;

use coffer_protocol::ErrorCode;
use coffer_protocol::operation::token::PinState;

use super::*;
use crate::seal::{self, Provider};
use crate::state::pin::LOCKED_AT;

const SLOT: Slot = Slot(3);
const USER: Subject = Subject { uid: 1000, slot: SLOT, role: Role::User };
const OTHER: Subject = Subject { uid: 1001, ..USER };

struct Device {
    dir: tempfile::TempDir,
    root: RootKey,
    store: Arc<Store>,
    pins: Pins,
}

impl Device {
    fn new() -> Self {
        vault::init_for_tests();
        let dir = tempfile::tempdir().unwrap();
        let provider = Provider::KeyFile { path: dir.path().join("root.key") };
        let root = seal::create(dir.path(), &[provider]).unwrap();
        drop(Store::create(dir.path(), &root).unwrap());
        let (store, pins) = open(dir.path(), &root);
        Self { dir, root, store, pins }
    }

    fn with_pins() -> Self {
        let device = Self::new();
        let payload = Payload::Plain(b"87654321user");
        let (so, user) = Pin::two(&payload, 8).unwrap();
        device.pins.set_both(1000, SLOT, &so, &user).unwrap();
        device
    }

    fn restart(self) -> Self {
        let Self { dir, root, store, pins } = self;
        drop((store, pins));
        let (store, pins) = open(dir.path(), &root);
        Self { dir, root, store, pins }
    }

    fn try_pin(&self, subject: Subject, pin: &[u8]) -> Result<(), ErrorCode> {
        let payload = Payload::Plain(pin);
        let tried = self.pins.verify(subject, &Pin::whole(&payload), &Clock::default());
        tried.map_err(|error| error.code())
    }

    fn lock_out(&self, subject: Subject) {
        for _ in 0..LOCKED_AT {
            assert_eq!(self.try_pin(subject, b"wrong"), Err(ErrorCode::PinIncorrect));
        }
    }
}

fn open(dir: &Path, root: &RootKey) -> (Arc<Store>, Pins) {
    let store = Arc::new(Store::open(dir, root).unwrap());
    let pins = Pins::load(store.clone(), root, 2, &Clock::default()).unwrap();
    (store, pins)
}

#[test]
fn a_pin_is_accepted_after_a_restart_and_no_other() {
    let device = Device::with_pins().restart();
    assert_eq!(device.try_pin(USER, b"user"), Ok(()));
    assert_eq!(device.try_pin(USER, b"87654321"), Err(ErrorCode::PinIncorrect));
    let officer = Subject { role: Role::SecurityOfficer, ..USER };
    assert_eq!(device.try_pin(officer, b"87654321"), Ok(()));
}

#[test]
fn a_pin_that_is_not_set_or_was_taken_away_cannot_be_tried() {
    let device = Device::with_pins();
    device.pins.remove(SLOT, Role::User).unwrap();
    assert!(!device.pins.is_set(SLOT, Role::User));
    let device = device.restart();
    assert_eq!(device.try_pin(USER, b"user"), Err(ErrorCode::UserPinNotInitialized));
    assert_eq!(device.pins.state(USER), PinState::Fresh);
}

#[test]
fn lengths_outside_of_4_to_255_are_refused_when_set_and_wrong_when_tried() {
    let device = Device::with_pins();
    for length in [0, 3, 256] {
        let payload = Payload::Plain(&[b'7'; 256][..length]);
        let set = device.pins.set(1000, SLOT, Role::User, &Pin::whole(&payload));
        assert_eq!(set.unwrap_err().code(), ErrorCode::PinLength);
        assert_eq!(device.try_pin(OTHER, &[b'7'; 256][..length]), Err(ErrorCode::PinIncorrect));
    }
    for length in [4, 255] {
        let payload = Payload::Plain(&[b'7'; 255][..length]);
        device.pins.set(1000, SLOT, Role::User, &Pin::whole(&payload)).unwrap();
        assert_eq!(device.try_pin(USER, &[b'7'; 255][..length]), Ok(()));
    }
}

#[test]
fn failures_are_on_disk_and_a_right_pin_takes_them_off() {
    let device = Device::with_pins();
    assert_eq!(device.try_pin(USER, b"wrong"), Err(ErrorCode::PinIncorrect));
    let device = device.restart();
    assert_eq!(device.pins.state(USER), PinState::CountLow);
    assert_eq!(device.try_pin(USER, b"user"), Ok(()));
    assert_eq!(device.pins.state(USER), PinState::Fresh);
    assert_eq!(device.restart().pins.state(USER), PinState::Fresh);
}

#[test]
fn ten_failures_lock_a_pin_for_whoever_made_them_and_nobody_else() {
    let device = Device::with_pins();
    for _ in 1..LOCKED_AT {
        assert_eq!(device.try_pin(USER, b"wrong"), Err(ErrorCode::PinIncorrect));
    }
    assert_eq!(device.pins.state(USER), PinState::FinalTry);
    assert_eq!(device.try_pin(USER, b"wrong"), Err(ErrorCode::PinIncorrect));
    let device = device.restart();
    assert_eq!(device.pins.state(USER), PinState::Locked);
    assert_eq!(device.try_pin(USER, b"user"), Err(ErrorCode::PinLocked));
    assert!(device.pins.refuse_locked(USER).is_err());
    assert_eq!(device.try_pin(OTHER, b"user"), Ok(()));
}

#[test]
fn a_locked_pin_is_free_when_its_failures_are_cleared() {
    let device = Device::with_pins();
    device.lock_out(USER);
    let officer = Subject { role: Role::SecurityOfficer, ..USER };
    assert_eq!(device.try_pin(officer, b"wrong"), Err(ErrorCode::PinIncorrect));
    device.pins.clear_failures(SLOT, Role::User).unwrap();
    let device = device.restart();
    assert_eq!(device.pins.state(officer), PinState::CountLow);
    assert_eq!(device.try_pin(USER, b"user"), Ok(()));
}

#[test]
fn tries_at_the_same_time_are_counted_one_by_one() {
    let device = Device::with_pins();
    std::thread::scope(|scope| {
        for _ in 0..LOCKED_AT {
            scope.spawn(|| device.try_pin(USER, b"wrong").unwrap_err());
        }
    });
    assert_eq!(device.pins.state(USER), PinState::Locked);
}

#[test]
fn a_try_is_on_disk_before_its_pin_is_looked_at() {
    let device = Device::with_pins();
    let attempt = device.pins.failures.begin(USER, &Clock::default()).unwrap();
    let id = failures_id(USER).unwrap();
    assert!(device.store.get(Table::Pins, id).unwrap().is_some());
    attempt.withdraw().unwrap();
    assert!(device.store.get(Table::Pins, id).unwrap().is_none());
    assert_eq!(device.pins.state(USER), PinState::Fresh);
}

#[test]
fn a_delay_holds_a_try_back_until_the_daemon_stops() {
    let mut device = Device::with_pins();
    device.pins.failures.stretch_seconds(Duration::from_hours(1));
    for _ in 0..2 {
        assert_eq!(device.try_pin(USER, b"wrong"), Err(ErrorCode::PinIncorrect));
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| device.try_pin(USER, b"user"));
        let asked = scope.spawn(|| device.try_pin(OTHER, b"user"));
        assert_eq!(asked.join().unwrap(), Ok(()));
        assert!(!waiting.is_finished());
        device.pins.stop();
        assert_eq!(waiting.join().unwrap(), Err(ErrorCode::Unavailable));
    });
    assert_eq!(device.pins.state(USER), PinState::CountLow);
}

#[test]
fn two_pins_of_one_payload_must_fit_into_it() {
    let payload = Payload::Plain(b"12345678");
    let (first, second) = Pin::two(&payload, 3).unwrap();
    assert_eq!((first.range, second.range), (0..3, 3..8));
    assert!(Pin::two(&payload, 8).is_ok());
    assert_eq!(Pin::two(&payload, 9).unwrap_err().code(), ErrorCode::Malformed);
}

/// What the store wrote while `f` ran: each try that takes the long way is counted there.
fn written(device: &Device, f: impl FnOnce()) -> u64 {
    let before = device.store.statistics().batches;
    f();
    device.store.statistics().batches - before
}

#[test]
fn the_pin_that_was_right_is_right_again_without_being_counted() {
    let device = Device::with_pins();
    let right = || assert_eq!(device.try_pin(USER, b"user"), Ok(()));
    assert_eq!(written(&device, right), 2);
    assert_eq!(written(&device, right), 0);
    let other = || assert_eq!(device.try_pin(OTHER, b"user"), Ok(()));
    assert_eq!(written(&device, other), 2);
    let device = device.restart();
    let right = || assert_eq!(device.try_pin(USER, b"user"), Ok(()));
    assert_eq!(written(&device, right), 2);
}

#[test]
fn a_wrong_try_after_a_right_one_is_counted_and_makes_the_next_take_the_long_way() {
    let device = Device::with_pins();
    assert_eq!(device.try_pin(USER, b"user"), Ok(()));
    for failures in 1..LOCKED_AT {
        let wrong = || assert_eq!(device.try_pin(USER, b"used"), Err(ErrorCode::PinIncorrect));
        assert_eq!(written(&device, wrong), 1, "{failures}");
    }
    assert_eq!(device.pins.state(USER), PinState::FinalTry);
    let right = || assert_eq!(device.try_pin(USER, b"user"), Ok(()));
    assert_eq!(written(&device, right), 2);
    assert_eq!(written(&device, right), 0);
    device.lock_out(USER);
    assert_eq!(device.try_pin(USER, b"user"), Err(ErrorCode::PinLocked));
}

#[test]
fn a_pin_that_was_changed_or_taken_away_is_not_right_any_more() {
    let device = Device::with_pins();
    assert_eq!(device.try_pin(USER, b"user"), Ok(()));
    let payload = Payload::Plain(b"next");
    device.pins.set(1000, SLOT, Role::User, &Pin::whole(&payload)).unwrap();
    assert_eq!(device.try_pin(USER, b"user"), Err(ErrorCode::PinIncorrect));
    assert_eq!(device.try_pin(USER, b"next"), Ok(()));
    assert_eq!(device.try_pin(USER, b"next"), Ok(()));
    device.pins.remove(SLOT, Role::User).unwrap();
    assert_eq!(device.try_pin(USER, b"next"), Err(ErrorCode::UserPinNotInitialized));
}
