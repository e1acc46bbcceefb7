//! Who is told of changes: the event connections of applications.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use coffer_protocol::event::{AlarmRaised, Event, ObjectChanged, TokenChanged};
use coffer_protocol::frame::{self, Flags, Header, Kind};
use nix::sys::socket::{MsgFlags, Shutdown, send, shutdown};

use crate::object::{Object, Slot};

/// The event connections.
///
/// An event is handed to the kernel before the change is acknowledged, without waiting: a connection whose
/// buffer is full is closed, and its application has to assume that everything changed.
#[derive(Debug, Default)]
pub struct Hub(Mutex<Connections>);

#[derive(Debug, Default)]
struct Connections {
    last: u64,
    open: Vec<(u64, OwnedFd)>,
}

/// A connection's place among those that are told. It is given up when this is dropped.
#[derive(Debug)]
#[must_use = "a connection is told of changes for as long as it is subscribed"]
pub struct Subscription<'h> {
    hub: &'h Hub,
    number: u64,
}

impl Drop for Subscription<'_> {
    fn drop(&mut self) {
        self.hub.lock().open.retain(|(number, _)| *number != self.number);
    }
}

impl Hub {
    /// Adds a connection, after `welcome` has written what must come before the first event. No change is told
    /// of meanwhile, so none falls between the two: `welcome` must not have to wait for the peer.
    ///
    /// # Errors
    ///
    /// What `welcome` returns.
    pub fn add(
        &self,
        connection: OwnedFd,
        welcome: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Subscription<'_>> {
        let mut connections = self.lock();
        welcome()?;
        connections.last += 1;
        let number = connections.last;
        connections.open.push((number, connection));
        Ok(Subscription { hub: self, number })
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

    /// Tells that there is a new alarm, but not what it is about: whoever has a connection hears this.
    pub fn alarm_raised(&self, number: u64) {
        self.tell(Event::AlarmRaised, &AlarmRaised { number });
    }

    /// Closes every connection.
    pub fn close(&self) {
        for (_, connection) in self.lock().open.drain(..) {
            end(&connection);
        }
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
        self.lock().open.retain(|(_, connection)| {
            let sent = send(connection.as_raw_fd(), &frame, flags);
            let told = sent.is_ok_and(|sent| sent == frame.len());
            if !told {
                end(connection);
            }
            told
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connections> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a connection for everybody who holds a descriptor of it: its thread, and the peer.
fn end(connection: &OwnedFd) {
    // It may have ended already.
    let _ = shutdown(connection.as_raw_fd(), Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn subscribe<'h>(hub: &'h Hub, stream: &UnixStream) -> Subscription<'h> {
        let descriptor = stream.as_fd().try_clone_to_owned().unwrap();
        hub.add(descriptor, || Ok(())).unwrap()
    }

    #[test]
    fn a_peer_that_missed_an_event_is_cut_off_although_its_thread_holds_the_socket() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let hub = Hub::default();
        let _subscribed = subscribe(&hub, &ours);
        for _ in 0..100_000 {
            hub.token_changed(Slot(0));
        }
        assert!(hub.lock().open.is_empty());
        // The end comes, where a connection that is only forgotten would stay open.
        theirs.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        theirs.read_to_end(&mut Vec::new()).unwrap();
        drop(ours);
    }

    #[test]
    fn a_connection_that_ended_leaves_no_descriptor_behind() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let hub = Hub::default();
        let first = subscribe(&hub, &ours);
        let second = subscribe(&hub, &ours);
        drop(first);
        assert_eq!(hub.lock().open.len(), 1);
        drop(second);
        assert!(hub.lock().open.is_empty());
    }

    #[test]
    fn who_cannot_be_welcomed_is_not_subscribed() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let hub = Hub::default();
        let descriptor = ours.as_fd().try_clone_to_owned().unwrap();
        assert!(hub.add(descriptor, || Err(io::ErrorKind::BrokenPipe.into())).is_err());
        assert!(hub.lock().open.is_empty());
    }
}
