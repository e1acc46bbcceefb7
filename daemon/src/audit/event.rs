//! An audit event with the field names of CloudAudit, and the one place that writes it as JSON.
//!
//! Every CloudAudit field is always present; what is unknown is empty (`""`, `{}`, `[]`, `false`).
//! Fields of our own come after them: `host` always, `intent` and `collapsed` only where they apply.
//! Secrets in `requestParameters` are the caller's to replace with tags, see [`super::Tagger`].

use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Version of the event format.
const EVENT_VERSION: &str = "1.0";

/// Where the call came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum EventType {
    /// The management console.
    ConsoleCall,
    /// Everything else.
    #[default]
    ApiCall,
}

/// Whether the operation changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Action {
    /// It only reads, or uses a key.
    Read,
    /// It changes state.
    Write,
}

/// The peer process, as the kernel names it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Host {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Process.
    pub pid: i32,
    /// systemd unit; empty outside of one.
    pub unit: String,
}

/// The principal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity {
    /// Kind of principal: `Root`, `CAMUser`, `PKCS11User`, ….
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub principal_id: String,
    /// Its account.
    pub account_id: String,
    /// The credential used.
    pub secret_id: String,
    /// Its name.
    pub user_name: String,
    /// Facts of the session.
    pub session_context: Map<String, Value>,
}

/// A resource that the operation touched.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its type.
    pub resource_type: String,
    /// Its name.
    pub resource_name: String,
}

/// Refusals of one caller that were counted, not recorded one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Collapsed {
    pub(super) count: u64,
    /// Microseconds since 1970 of the first and the last.
    pub(super) from: u64,
    pub(super) to: u64,
}

/// An event; made with [`Event::new`] and filled by its methods.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names are CloudAudit's")]
pub struct Event {
    event_version: &'static str,
    event_type: EventType,
    event_name: String,
    event_time: u64,
    event_source: String,
    event_region: String,
    #[serde(rename = "eventID")]
    event_id: String,
    #[serde(rename = "requestID")]
    request_id: String,
    api_version: String,
    http_method: String,
    action_type: Action,
    #[serde(rename = "sourceIPAddress")]
    source: String,
    user_agent: String,
    user_identity: UserIdentity,
    resource_type: String,
    resource_name: String,
    resources: Vec<Resource>,
    resource_set: Vec<String>,
    resource_region: String,
    request_parameters: Map<String, Value>,
    response_elements: Map<String, Value>,
    error_code: String,
    error_message: String,
    api_error_code: String,
    api_error_message: String,
    sensitive_action: bool,
    tags: BTreeMap<String, String>,
    host: Host,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) intent: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) collapsed: Option<Collapsed>,
}

impl Event {
    /// An event of an operation.
    pub fn new(name: impl Into<String>, action: Action) -> Self {
        Self {
            event_version: EVENT_VERSION,
            event_type: EventType::default(),
            event_name: name.into(),
            event_time: 0,
            event_source: String::new(),
            event_region: String::new(),
            event_id: super::template::event_id(),
            request_id: String::new(),
            api_version: String::new(),
            http_method: String::new(),
            action_type: action,
            source: String::new(),
            user_agent: String::new(),
            user_identity: UserIdentity::default(),
            resource_type: String::new(),
            resource_name: String::new(),
            resources: Vec::new(),
            resource_set: Vec::new(),
            resource_region: String::new(),
            request_parameters: Map::new(),
            response_elements: Map::new(),
            error_code: String::new(),
            error_message: String::new(),
            api_error_code: String::new(),
            api_error_message: String::new(),
            sensitive_action: false,
            tags: BTreeMap::new(),
            host: Host::default(),
            intent: None,
            collapsed: None,
        }
    }

    /// The peer process; `sourceIPAddress` follows from it.
    #[must_use]
    pub fn host(mut self, host: Host) -> Self {
        self.source = format!("unix:{}/{}@{}", host.uid, host.pid, host.unit);
        self.host = host;
        self
    }

    /// The interface it came through (`kms`, `pkcs11`, `admin`) and its version.
    #[must_use]
    pub fn through(mut self, source: &str, api_version: &str) -> Self {
        source.clone_into(&mut self.event_source);
        api_version.clone_into(&mut self.api_version);
        self
    }

    /// Where the call came from.
    #[must_use]
    pub const fn event_type(mut self, event_type: EventType) -> Self {
        self.event_type = event_type;
        self
    }

    /// The partition, as region of the event and of the resource.
    #[must_use]
    pub fn region(mut self, region: &str) -> Self {
        region.clone_into(&mut self.event_region);
        region.clone_into(&mut self.resource_region);
        self
    }

    /// The id that the reply carries as well.
    #[must_use]
    pub fn request(mut self, id: &str) -> Self {
        id.clone_into(&mut self.request_id);
        self
    }

    /// The client program.
    #[must_use]
    pub fn user_agent(mut self, agent: &str) -> Self {
        agent.clone_into(&mut self.user_agent);
        self
    }

    /// The principal.
    #[must_use]
    pub fn identity(mut self, identity: UserIdentity) -> Self {
        self.user_identity = identity;
        self
    }

    /// A resource; the first is the event's own, all are listed in `resources`.
    #[must_use]
    pub fn resource(mut self, kind: &str, name: &str) -> Self {
        if self.resources.is_empty() {
            kind.clone_into(&mut self.resource_type);
            name.clone_into(&mut self.resource_name);
        }
        self.resource_set.push(name.to_owned());
        self.resources
            .push(Resource { resource_type: kind.to_owned(), resource_name: name.to_owned() });
        self
    }

    /// A request parameter; secret ones as a tag.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.request_parameters.insert(name.to_owned(), value.into());
        self
    }

    /// An element of the reply; secret ones as a tag.
    #[must_use]
    pub fn response(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.response_elements.insert(name.to_owned(), value.into());
        self
    }

    /// The caller was not allowed to do it.
    #[must_use]
    pub fn refused(mut self, code: &str, message: &str) -> Self {
        code.clone_into(&mut self.error_code);
        message.clone_into(&mut self.error_message);
        self
    }

    /// The operation was allowed and failed.
    #[must_use]
    pub fn failed(mut self, code: &str, message: &str) -> Self {
        code.clone_into(&mut self.api_error_code);
        message.clone_into(&mut self.api_error_message);
        self
    }

    /// Marks an action that deserves attention.
    #[must_use]
    pub const fn sensitive(mut self) -> Self {
        self.sensitive_action = true;
        self
    }

    /// A tag of the resource.
    #[must_use]
    pub fn tag(mut self, name: &str, value: &str) -> Self {
        self.tags.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The user whose refusals may be collapsed; none if the event is no refusal.
    pub(super) const fn refused_caller(&self) -> Option<u32> {
        let refused = !self.error_code.is_empty() || !self.api_error_code.is_empty();
        if refused { Some(self.host.uid) } else { None }
    }

    /// The body of a record at a time in microseconds since 1970.
    pub(super) fn json(mut self, time: u64) -> Vec<u8> {
        self.event_time = time / 1_000_000;
        serde_json::to_vec(&self).expect("names are strings and there are no other maps")
    }
}
