//! Who is told of changes: the event connections of applications.

use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use coffer_protocol::event::{Event, ObjectChanged, TokenChanged};
use coffer_protocol::frame::{self, Flags, Header, Kind};
use nix::sys::socket::{MsgFlags, send};

use crate::object::{Object, Slot};

/// The event connections.
///
/// An event is handed to the kernel before the change is acknowledged, without waiting: a connection whose
/// buffer is full is closed, and its application has to assume that everything changed.
#[derive(Debug, Default)]
pub struct Hub(Mutex<Vec<OwnedFd>>);

impl Hub {
    /// Adds a connection.
    pub fn add(&self, connection: OwnedFd) {
        self.lock().push(connection);
    }

    /// Tells of a change of an object or of its key's state.
    pub fn object_changed(&self, object: &Object) {
        let event = ObjectChanged { slot: object.slot.0, object: object.id.0 };
        self.tell(Event::ObjectChanged, &event);
    }

    /// Tells of a change of a token.
    pub fn token_changed(&self, slot: Slot) {
        self.tell(Event::TokenChanged, &TokenChanged { slot: slot.0 });
    }

    /// Closes every connection.
    pub fn close(&self) {
        self.lock().clear();
    }

    fn tell<T: serde::Serialize>(&self, event: Event, meta: &T) {
        let Ok(meta) = frame::encode_meta(meta) else { return };
        let header = Header {
            kind: Kind::Event,
            operation: event as u16,
            flags: Flags::NONE,
            descriptors: 0,
            meta_length: u32::try_from(meta.len()).unwrap_or(u32::MAX),
            payload_length: 0,
            request_id: 0,
        };
        let frame = [&header.encode()[..], &meta].concat();
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        self.lock().retain(|connection| {
            send(connection.as_raw_fd(), &frame, flags).is_ok_and(|sent| sent == frame.len())
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<OwnedFd>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
