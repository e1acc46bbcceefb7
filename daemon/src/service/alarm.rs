//! Raising alarms for what requests do. Every attempt to use a key that waits for its destruction is one.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::alarm::AlarmKind;
use coffer_protocol::handshake::uuid_text;
use coffer_protocol::key::KeyState;
use coffer_protocol::operation::{KeyRule, Resource, Row};

use super::{Caller, Payload, Service, kms};
use crate::Error;
use crate::alarm::{About, Alarm};
use crate::audit::{Action, Event, Priority};
use crate::object::{Material, Object, ObjectId};
use crate::pin::{Pin, Subject};

impl Service {
    /// Raises an alarm: it is on disk when this returns, and everybody who listens was told.
    pub fn alarm(&self, kind: AlarmKind, about: About) {
        match self.alarms.raise(kind, self.clock.now(), about) {
            Ok(raised) => self.announce(&raised),
            Err(error) => {
                self.alarms.note_lost();
                tracing::error!(%error, alarm = kind.name(), "an alarm was not recorded");
            }
        }
    }

    /// Tells of alarms that are recorded: to whoever follows them, and to the audit log.
    pub(super) fn announce(&self, raised: &[Arc<Alarm>]) {
        for alarm in raised {
            self.events.alarm_raised(alarm.number);
            let mut event = Event::new("RaiseAlarm", Action::Write)
                .through("alarm", "")
                .parameter("AlarmType", alarm.kind.name())
                .parameter("Number", alarm.number);
            if let Some(key) = &alarm.about.key {
                event = event.resource("key", &uuid_text(key));
            }
            if let Some(operation) = &alarm.about.operation {
                event = event.parameter("Operation", operation.as_str());
            }
            if self.audit.append(event, Priority::Reserved).is_err() {
                tracing::warn!(number = alarm.number, "an alarm is not in the audit log");
            }
        }
    }

    /// Tries a PIN, and raises an alarm where that locks it.
    ///
    /// # Errors
    ///
    /// As [`crate::pin::Pins::verify`].
    pub(super) fn verify_pin(&self, subject: Subject, pin: &Pin<'_>) -> Result<(), Error> {
        let tried = self.pins.verify(subject, pin, &self.clock);
        let wrong = tried.as_ref().is_err_and(|error| error.code() == ErrorCode::PinIncorrect);
        if wrong && self.pins.refuse_locked(subject).is_err() {
            let Subject { uid, slot, role } = subject;
            let about = About { slot: Some(slot.0), uid: Some(uid), ..About::default() };
            self.alarm(AlarmKind::PinLocked, about.detail(format!("{role:?}")));
        }
        tried
    }
}

/// The key that a resource means.
pub(super) fn key_of(
    service: &Service,
    caller: &Caller,
    resource: &Resource<'_>,
    payload: &Payload<'_>,
) -> Option<Arc<Object>> {
    let of_id = |id: ObjectId| {
        let session = || caller.application.as_ref()?.session_object(id);
        let object = service.registry.get(id).or_else(session)?;
        match &object.material {
            Material::Reference { of, .. } => service.registry.get(*of),
            Material::None | Material::Stored | Material::Session(_) => Some(object),
        }
    };
    match resource {
        Resource::Key(name) => kms::named(service, caller, name),
        Resource::Ciphertext => of_id(kms::key_of(payload.plain().ok()?)?),
        Resource::Object { object, .. } => of_id(caller.application.as_ref()?.id_of(*object)?),
        // Of several, the one whose use is a reason for an alarm.
        Resource::Objects { objects, .. } => {
            let application = caller.application.as_ref()?;
            let mut all: Vec<_> = objects
                .iter()
                .filter_map(|object| application.id_of(*object).and_then(of_id))
                .collect();
            let waits = |object: &Arc<Object>| {
                object.key.as_ref().is_some_and(|key| key.state == KeyState::PendingDelete)
            };
            let first = all.iter().position(waits).unwrap_or(0);
            (first < all.len()).then(|| all.swap_remove(first))
        }
        Resource::None
        | Resource::Keys(_)
        | Resource::Slot(_)
        | Resource::Session(_)
        | Resource::Partition(_) => None,
    }
}

/// What a request says of its keys.
pub(super) struct Named<'r> {
    pub(super) resource: Resource<'r>,
    pub(super) further: Option<&'r str>,
    pub(super) payload: &'r Payload<'r>,
}

/// Raises the alarm of an attempt that was refused: because its key waits for its destruction, or before anybody
/// looked at that. Then `named` tells which keys the request names.
pub(super) fn refused(
    service: &Service,
    caller: &Caller,
    row: &Row,
    error: &Error,
    named: Option<&Named<'_>>,
) {
    let keys = match error {
        Error::About(ErrorCode::KeyPendingDelete, id) => {
            [ObjectId::parse(id).and_then(|id| service.registry.get(id)), None]
        }
        _ if error.code().exit_status() == 4 => {
            let Some(Named { resource, further, payload }) = named else { return };
            let further = further.and_then(|name| kms::named(service, caller, name));
            [key_of(service, caller, resource, payload), further]
        }
        _ => return,
    };
    if !row.uses_key() && row.rule != KeyRule::PublicKey {
        return;
    }
    for key in keys.into_iter().flatten() {
        attempted(service, caller, row, &key);
    }
}

/// Raises the alarm, if the key waits for its destruction.
fn attempted(service: &Service, caller: &Caller, row: &Row, key: &Object) {
    let Some(record) = key.key.as_ref().filter(|key| key.state == KeyState::PendingDelete) else {
        return;
    };
    let about = About {
        operation: Some(row.name.to_owned()),
        deletion_date: Some(record.deletion_date),
        uid: Some(caller.uid),
        pid: Some(caller.pid),
        ..About::key(key.slot, key.id)
    };
    service.alarm(AlarmKind::PendingDeleteUsed, about);
}
