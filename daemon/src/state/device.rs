//! The life of the device.

use std::sync::atomic::{AtomicU8, Ordering};

use coffer_protocol::ErrorCode;

/// Where the device is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    /// It starts: the self-tests run.
    Starting = 0,
    /// The root key is not there; nothing but its status is answered.
    Sealed = 1,
    /// It serves.
    Operational = 2,
    /// A self-test failed; nothing but its status is answered.
    Failed = 3,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// All self-tests passed.
    SelfTestPassed,
    /// A self-test failed.
    SelfTestFailed,
    /// A seal slot gave the root key.
    Unseal,
    /// The owner sealed it.
    Seal,
}

/// Every transition there is. A pair that is not here is refused.
#[rustfmt::skip]
pub const TRANSITIONS: &[(State, Event, State)] = &[
    // from              on                     to
    (State::Starting,    Event::SelfTestPassed, State::Sealed),
    (State::Starting,    Event::SelfTestFailed, State::Failed),
    (State::Sealed,      Event::SelfTestFailed, State::Failed),
    (State::Operational, Event::SelfTestFailed, State::Failed),
    (State::Sealed,      Event::Unseal,         State::Operational),
    (State::Operational, Event::Seal,           State::Sealed),
];

impl State {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Starting, Self::Sealed, Self::Operational, Self::Failed];

    /// The state after `event`, or `None` where the table has no such row.
    pub fn on(self, event: Event) -> Option<Self> {
        TRANSITIONS.iter().find(|row| (row.0, row.1) == (self, event)).map(|row| row.2)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Sealed => "Sealed",
            Self::Operational => "Operational",
            Self::Failed => "Failed",
        }
    }
}

/// The device's state, read by every request.
#[derive(Debug)]
pub struct Device(AtomicU8);

impl Device {
    /// A device that starts.
    pub const fn starting() -> Self {
        Self(AtomicU8::new(State::Starting as u8))
    }

    /// Where it is.
    pub fn state(&self) -> State {
        let state = self.0.load(Ordering::Acquire);
        State::ALL.into_iter().find(|known| *known as u8 == state).unwrap_or(State::Failed)
    }

    /// Applies an event.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Unavailable`] where the table has no such row.
    pub fn apply(&self, event: Event) -> Result<State, ErrorCode> {
        let change = |state| {
            State::ALL.into_iter().find(|known| *known as u8 == state)?.on(event).map(|to| to as u8)
        };
        match self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, change) {
            Ok(_) => Ok(self.state()),
            Err(_) => Err(ErrorCode::Unavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pair_has_two_outcomes() {
        for (index, row) in TRANSITIONS.iter().enumerate() {
            assert!(!TRANSITIONS[..index].iter().any(|other| (other.0, other.1) == (row.0, row.1)));
        }
    }

    #[test]
    fn a_failed_device_stays_failed() {
        for event in [Event::SelfTestPassed, Event::SelfTestFailed, Event::Unseal, Event::Seal] {
            assert_eq!(State::Failed.on(event), None);
        }
    }

    #[test]
    fn an_event_out_of_turn_changes_nothing() {
        let device = Device::starting();
        assert_eq!(device.apply(Event::Unseal), Err(ErrorCode::Unavailable));
        assert_eq!(device.apply(Event::SelfTestPassed), Ok(State::Sealed));
        assert_eq!(device.apply(Event::Unseal), Ok(State::Operational));
        assert_eq!(device.apply(Event::Seal), Ok(State::Sealed));
    }
}
