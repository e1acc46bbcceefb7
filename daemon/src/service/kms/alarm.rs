//! ListAlarms.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::alarm::AlarmKind;
use coffer_protocol::handshake::uuid_text;
use coffer_protocol::operation::kms::{Alarm as Listed, ListAlarms, ListedAlarms};

use super::super::{Answer, Authorized, Handle, Service};
use super::describe::Page;
use super::{KeyName, find, parse_name, validate_name};
use crate::Error;
use crate::alarm::Alarm;
use crate::object::{ObjectId, Slot};

fn kind_of(request: &ListAlarms) -> Result<Option<AlarmKind>, Error> {
    match request.kind.as_deref() {
        None | Some("") => Ok(None),
        Some(name) => AlarmKind::from_name(name)
            .map(Some)
            .ok_or_else(|| Error::about(ErrorCode::InvalidValue, "AlarmType")),
    }
}

impl Handle for ListAlarms {
    /// The key that they are about; one that was destroyed is named by its id only.
    type Plan = Option<ObjectId>;

    fn validate(&self, _payload_length: usize) -> Result<(), Error> {
        kind_of(self)?;
        Page::of(self.offset, self.limit)?;
        self.key_id.as_deref().map_or(Ok(()), validate_name)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let Some(name) = &call.request().key_id else { return Ok(None) };
        match parse_name(name)? {
            KeyName::Id(id) => Ok(Some(id)),
            KeyName::Alias(_) => Ok(Some(find(service, call.caller(), name)?.id)),
        }
    }

    fn commit(
        call: Authorized<'_, Self>,
        key: Self::Plan,
        service: &Service,
    ) -> Result<Answer<ListedAlarms>, Error> {
        let request = call.request();
        let (kind, Slot(slot)) = (kind_of(request)?, call.caller().partition);
        let mut alarms = service.alarms.all();
        alarms.retain(|alarm| {
            alarm.about.slot.is_none_or(|of| of == slot)
                && kind.is_none_or(|kind| alarm.kind == kind)
                && key.is_none_or(|key| alarm.about.key == Some(key.0))
                && request.from.is_none_or(|from| alarm.time >= from)
                && request.to.is_none_or(|to| alarm.time <= to)
                && request.after.is_none_or(|after| alarm.number > after)
        });
        if request.after.is_none() {
            alarms.reverse();
        }
        let (total, page) = Page::of(request.offset, request.limit)?.cut(alarms);
        let alarms = page.map(|alarm| listed(service, &alarm)).collect();
        Ok(Answer::new(ListedAlarms { total, alarms }))
    }
}

/// An alarm in the words of the API.
fn listed(service: &Service, alarm: &Arc<Alarm>) -> Listed {
    let about = &alarm.about;
    let partition = about.slot.and_then(|slot| service.partitions.get(Slot(slot)));
    Listed {
        number: alarm.number,
        kind: alarm.kind.name().to_owned(),
        severity: alarm.kind.severity().name().to_owned(),
        time: alarm.time,
        partition: partition.map(|partition| partition.name.clone()),
        key_id: about.key.as_ref().map(uuid_text),
        operation: about.operation.clone(),
        deletion_date: about.deletion_date,
        uid: about.uid,
        pid: about.pid.map(Into::into),
        detail: about.detail.clone(),
    }
}
