//! What the gate writes to the audit log of each request, with the field names of CloudAudit.

use coffer_protocol::ErrorCode;
use coffer_protocol::handshake::request_id;
use coffer_protocol::operation::{self, Audit, Effect, Face, Resource, Row};

use super::{Caller, Payload, Service};
use crate::Error;
use crate::audit::{Action, Event, Host, IntentId, Priority, UserIdentity};
use crate::object::{ObjectId, Slot};
use crate::state::login::Login;

mod describe;
mod templates;

pub(super) use describe::Describe;
use templates::Key;
pub use templates::Templates;

/// Writes the records of one request.
pub(super) struct Recorder<'s> {
    service: &'s Service,
    caller: &'s Caller,
    row: &'static Row,
    audit: Audit,
    dry_run: bool,
    parameters: Vec<(&'static str, serde_json::Value)>,
    resources: Vec<(&'static str, String)>,
    /// The use of a key by a PKCS#11 application, which has no other parameters.
    used: Option<Used>,
    /// The partition that the request is about.
    slot: Slot,
    intent: Option<IntentId>,
}

/// Which key is used, and on how much.
#[derive(Clone, Copy)]
struct Used {
    object: ObjectId,
    payload: usize,
}

impl<'s> Recorder<'s> {
    pub(super) fn new(
        service: &'s Service,
        caller: &'s Caller,
        row: &'static Row,
        dry_run: bool,
    ) -> Self {
        Self {
            service,
            caller,
            row,
            audit: row.audit,
            dry_run,
            parameters: Vec::new(),
            resources: Vec::new(),
            used: None,
            slot: caller.partition,
            intent: None,
        }
    }

    /// Notes what the request says, without its secrets.
    pub(super) fn describe<O: Describe>(&mut self, request: &O, payload: &Payload<'_>) {
        self.slot = self.slot_of(&request.resource());
        if self.audit == Audit::Refusals {
            return;
        }
        self.used = self.used_by(&request.resource(), payload);
        if self.used.is_some() {
            return;
        }
        self.parameters = request.parameters(self.service, payload);
        for (_, value) in &mut self.parameters {
            shorten(value);
        }
        self.resources = self.resources_of(&request.resource(), payload);
    }

    /// The id of the request, as its caller knows it.
    pub(super) fn request_id(&self) -> String {
        request_id(&self.service.instance, self.caller.connection, self.caller.request)
    }

    /// Records the request although its row would have it only if it were refused.
    pub(super) fn raise<O: Describe>(&mut self, to: Audit, request: &O, payload: &Payload<'_>) {
        if self.audit == Audit::Refusals && to != Audit::Refusals {
            self.audit = to;
            self.describe(request, payload);
        }
    }

    /// The key that a PKCS#11 application uses; of a key that it does not see there is nothing to say.
    fn used_by(&self, resource: &Resource<'_>, payload: &Payload<'_>) -> Option<Used> {
        match (self.row.face, self.audit, resource) {
            (Face::Pkcs11, Audit::Use, Resource::Object { object, .. }) => {
                let object = self.caller.application.as_ref()?.id_of(*object)?;
                Some(Used { object, payload: payload.len() })
            }
            _ => None,
        }
    }

    /// The slot of a PKCS#11 request; a KMS request is about the partition of its connection.
    fn slot_of(&self, resource: &Resource<'_>) -> Slot {
        let of_session = |session: u32| {
            let view = self.caller.application.as_ref()?.session(session).ok()?;
            Some(view.slot)
        };
        let slot = match resource {
            Resource::Slot(slot) => Some(Slot(*slot)),
            Resource::Session(session)
            | Resource::Object { session, .. }
            | Resource::Objects { session, .. } => of_session(*session),
            Resource::None
            | Resource::Key(_)
            | Resource::Keys(_)
            | Resource::Ciphertext
            | Resource::Partition(_) => None,
        };
        slot.unwrap_or(self.caller.partition)
    }

    fn resources_of(
        &self,
        resource: &Resource<'_>,
        payload: &Payload<'_>,
    ) -> Vec<(&'static str, String)> {
        let object = |handle: &u32| {
            let id = self.caller.application.as_ref()?.id_of(*handle)?;
            Some(("key", id.to_string()))
        };
        let one = match resource {
            Resource::None | Resource::Session(_) => return Vec::new(),
            Resource::Keys(names) => {
                return names.iter().take(MAX_NAMED).map(|name| ("key", short(name))).collect();
            }
            Resource::Object { object: handle, .. } => {
                return object(handle).into_iter().collect();
            }
            Resource::Objects { objects, .. } => {
                return objects.iter().filter_map(object).collect();
            }
            Resource::Key(name) => ("key", short(name)),
            Resource::Ciphertext => match payload.plain().ok().and_then(super::kms::key_of) {
                Some(key) => ("key", key.to_string()),
                None => ("ciphertext", String::new()),
            },
            Resource::Slot(slot) => ("token", slot.to_string()),
            Resource::Partition(name) => ("partition", short(name)),
        };
        vec![one]
    }

    /// Writes the intent of a change, on disk before anything is done.
    ///
    /// # Errors
    ///
    /// Where it cannot be written, the change is not made.
    pub(super) fn intent(&mut self) -> Result<(), Error> {
        self.intent = Some(self.service.audit.intent(self.event(), self.priority())?);
        Ok(())
    }

    /// Writes that the request was done.
    ///
    /// # Errors
    ///
    /// Where it cannot be written, the caller is told nothing of the result.
    pub(super) fn done(&mut self, made: &[String]) -> Result<(), Error> {
        match (self.audit, self.intent.take()) {
            (Audit::Refusals, _) => Ok(()),
            (_, Some(intent)) => Ok(self.service.audit.outcome(intent, self.event_of(made))?),
            (_, None) => match self.used.filter(|_| made.is_empty() && !self.dry_run) {
                Some(used) => self.record_use(used),
                None => Ok(self.service.audit.append(self.event_of(made), self.priority())?),
            },
        }
    }

    /// Writes the record of a use, whose like the connection has often written before.
    fn record_use(&self, used: Used) -> Result<(), Error> {
        let Self { service, caller, row, slot, .. } = self;
        let login = caller.application.as_ref().map(|application| application.login(*slot));
        let key = Key { operation: row.number, slot: *slot, login, object: used.object };
        let written = Templates::with(
            caller,
            key,
            || self.event(),
            |template| {
                service.audit.append_like(
                    template,
                    &self.request_id(),
                    used.payload,
                    self.priority(),
                )
            },
        );
        match written {
            Some(written) => Ok(written?),
            None => Ok(service.audit.append(self.event(), self.priority())?),
        }
    }

    /// Writes that the request was refused or failed, and gives the error to be told: that of the audit log,
    /// where it cannot be written.
    pub(super) fn refused(&mut self, error: Error) -> Error {
        let code = error.code();
        let intent = self.intent.take();
        if self.audit == Audit::Refusals && !is_refusal(code) {
            return error;
        }
        let failure = error.failure();
        let event = if is_refusal(code) {
            self.event().refused(code.kms(), &failure.to_string())
        } else {
            self.event().failed(code.kms(), &failure.to_string())
        };
        if code == ErrorCode::Internal {
            tracing::error!(operation = self.row.name, %error, "failed");
        }
        let written = match intent {
            Some(intent) => self.service.audit.outcome(intent, event),
            None => self.service.audit.append(event, self.priority()),
        };
        match written {
            Ok(()) => error,
            Err(audit) => audit.into(),
        }
    }

    /// The event of a success, which names what was made.
    fn event_of(&self, made: &[String]) -> Event {
        made.iter().fold(self.event(), |event, id| event.resource("key", id))
    }

    /// Disabling a key must be possible when the disk is full.
    fn priority(&self) -> Priority {
        match self.row.rule {
            operation::KeyRule::Disable => Priority::Reserved,
            _ => Priority::Normal,
        }
    }

    fn event(&self) -> Event {
        let Self { caller, row, service, .. } = self;
        let action = if row.effect == Effect::Read { Action::Read } else { Action::Write };
        let source = match row.face {
            Face::System => "admin",
            Face::Kms => "kms",
            Face::Pkcs11 => "pkcs11",
        };
        let partition = service.partitions.get(self.slot);
        let region = partition.as_ref().map_or("", |partition| partition.name.as_str());
        let event =
            Event::new(row.event_name(), action).through(source, "2019-01-18").region(region);
        let mut event = by(event, service, caller, self.slot);
        if let Some(used) = self.used {
            event = event.resource("key", &used.object.to_string());
            event = event.parameter("PayloadLength", used.payload);
        }
        for (kind, name) in &self.resources {
            event = event.resource(kind, name);
        }
        for (name, value) in &self.parameters {
            event = event.parameter(name, value.clone());
        }
        if self.dry_run {
            event = event.parameter("DryRun", true);
        }
        if self.audit == Audit::Change { event.sensitive() } else { event }
    }
}

/// Most keys that a valid request names.
const MAX_NAMED: usize = 100;
/// Longest value in a record, in bytes; no valid one is longer.
const LONGEST: usize = 4 << 10;

/// A name as it is recorded: whoever asks for nonsense does not fill the log with it.
fn short(name: &str) -> String {
    name.chars().take(128).collect()
}

/// Puts its size in the place of a value that is too long.
fn shorten(value: &mut serde_json::Value) {
    let length = value.to_string().len();
    if length > LONGEST {
        *value = format!("{length} bytes").into();
    }
}

/// The event with who caused it, and by which request.
pub(super) fn by(event: Event, service: &Service, caller: &Caller, slot: Slot) -> Event {
    event
        .request(&request_id(&service.instance, caller.connection, caller.request))
        .user_agent(&caller.client_name)
        .identity(identity(service, caller, slot))
        .host(Host {
            uid: caller.uid,
            gid: caller.gid,
            pid: caller.pid,
            unit: caller.unit.clone().unwrap_or_default(),
        })
}

fn identity(service: &Service, caller: &Caller, slot: Slot) -> UserIdentity {
    let login = caller.application.as_ref().map(|application| application.login(slot));
    let kind = match login {
        Some(Login::User) => "PKCS11User",
        Some(Login::SecurityOfficer) => "PKCS11SecurityOfficer",
        Some(Login::Public) => "PKCS11Public",
        None if caller.uid == service.owner => "Root",
        None => "HostUser",
    };
    UserIdentity {
        kind: kind.to_owned(),
        principal_id: caller.uid.to_string(),
        account_id: service.owner.to_string(),
        user_name: format!("uid {}", caller.uid),
        ..UserIdentity::default()
    }
}

/// Whether the code says that the caller may not do it, in contrast to an operation that failed.
fn is_refusal(code: ErrorCode) -> bool {
    code.exit_status() == 4 || code.ckr() == ErrorCode::KeyNotPermitted.ckr()
}

/// A frame that broke the protocol is an event too.
pub(crate) fn malformed(service: &Service, uid: u32, pid: i32, code: ErrorCode) {
    let event = Event::new("MalformedFrame", Action::Read)
        .through("wire", "")
        .identity(UserIdentity { kind: "HostUser".to_owned(), ..UserIdentity::default() })
        .host(Host { uid, gid: u32::MAX, pid, unit: String::new() })
        .refused(code.kms(), code.message());
    // The connection is closed either way.
    let _ = service.audit.append(event, Priority::Normal);
}

#[cfg(test)]
mod tests;
