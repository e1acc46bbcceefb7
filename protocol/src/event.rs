//! What the daemon tells without being asked.

use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// Number of an event in a frame header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Event {
    /// An object was made, changed or destroyed, or the state of its key changed.
    ObjectChanged = 1,
    /// A token was initialised, made or removed.
    TokenChanged = 2,
    /// An alarm was raised; ListAlarms tells which, to those who may know.
    AlarmRaised = 3,
}

impl TryFrom<u16> for Event {
    type Error = ErrorCode;
    fn try_from(number: u16) -> Result<Self, ErrorCode> {
        Ok(match number {
            1 => Self::ObjectChanged,
            2 => Self::TokenChanged,
            3 => Self::AlarmRaised,
            _ => return Err(ErrorCode::Malformed),
        })
    }
}

/// The metadata of [`Event::ObjectChanged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectChanged {
    /// Slot of the object's token.
    pub slot: u32,
    /// The object's unique id.
    pub object: [u8; 16],
}

/// The metadata of [`Event::TokenChanged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenChanged {
    /// The token's slot.
    pub slot: u32,
}

/// The metadata of [`Event::AlarmRaised`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRaised {
    /// The alarm's number.
    pub number: u64,
}
