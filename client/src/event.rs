//! What the daemon says unasked: change events, and that it will close the connection.

use std::time::Duration;

use coffer_protocol::error::Failure;
use coffer_protocol::event::{AlarmRaised, ObjectChanged, TokenChanged};
use coffer_protocol::frame::{Kind, decode_meta};
use coffer_protocol::{event, handshake};

use crate::Error;
use crate::channel::Frame;

/// What the daemon tells without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An object was made, changed or destroyed, or the state of its key changed.
    ObjectChanged(ObjectChanged),
    /// A token was initialised, made or removed.
    TokenChanged(TokenChanged),
    /// An alarm was raised; ListAlarms tells which.
    AlarmRaised(AlarmRaised),
    /// Events may have been lost: anything may have changed.
    Missed,
}

/// How long to wait for an event.
#[derive(Clone, Copy, Debug)]
pub enum Wait {
    /// Not at all.
    No,
    /// As long as the connection holds.
    Forever,
    /// This long.
    For(Duration),
}

/// The event of a frame; a goodbye is an error.
pub(crate) fn read_event(frame: &Frame) -> Result<Event, Error> {
    match frame.header.kind {
        Kind::Event => change(frame).map_err(|_| Error::Protocol("an event")),
        Kind::GoAway => Err(read_farewell(frame)),
        Kind::Reply => Err(Error::Protocol("a reply to no request")),
        Kind::Request | Kind::Cancel => Err(Error::Protocol("a frame that only clients send")),
    }
}

fn change(frame: &Frame) -> Result<Event, coffer_protocol::ErrorCode> {
    Ok(match event::Event::try_from(frame.header.operation)? {
        event::Event::ObjectChanged => Event::ObjectChanged(decode_meta(&frame.meta)?),
        event::Event::TokenChanged => Event::TokenChanged(decode_meta(&frame.meta)?),
        event::Event::AlarmRaised => Event::AlarmRaised(decode_meta(&frame.meta)?),
    })
}

/// Why the daemon closes the connection.
pub(crate) fn read_farewell(frame: &Frame) -> Error {
    match decode_meta::<handshake::GoAway>(&frame.meta) {
        Ok(goaway) => Error::GoAway(Failure { code: goaway.code, detail: goaway.reason, part: 0 }),
        Err(_) => Error::Protocol("a goodbye"),
    }
}
