//! Keys of services of this host: the configuration names the service and its uid; the key `kms-<name>` is made when
//! it uses it first. The owner can list, describe and rotate it, but not take it away.

use coffer_protocol::ErrorCode;
use coffer_protocol::key::{KeyUsage, Origin};
use coffer_protocol::operation::{Effect, KeyRule, Resource, Row};

use super::super::{Caller, Payload, Service};
use super::create::{New, make};
use super::{KeyName, key_of, parse_name};
use crate::Error;
use crate::audit::{Action, Event, Priority};

/// The service that the caller is.
pub(super) fn service_of<'s>(service: &'s Service, caller: &Caller) -> Option<&'s str> {
    let mut all = service.config.services.iter();
    all.find(|(_, registered)| registered.uid == caller.uid).map(|(name, _)| name.as_str())
}

fn alias_of(name: &str) -> String {
    format!("kms-{name}")
}

/// Whether a service asks to use or see the key that is its own.
pub(in crate::service) fn is_own_use(
    service: &Service,
    caller: &Caller,
    row: &Row,
    resource: &Resource<'_>,
    payload: &Payload<'_>,
) -> bool {
    let Some(name) = service_of(service, caller) else { return false };
    let seen = row.effect == Effect::Read && row.rule == KeyRule::Describe;
    if row.effect != Effect::Use && !seen {
        return false;
    }
    let id = match resource {
        Resource::Key(text) => match parse_name(text) {
            Ok(KeyName::Alias(alias)) => return alias == alias_of(name),
            Ok(KeyName::Id(id)) => Some(id),
            Err(_) => None,
        },
        Resource::Ciphertext => payload.plain().ok().and_then(key_of),
        Resource::None
        | Resource::Keys(_)
        | Resource::Slot(_)
        | Resource::Session(_)
        | Resource::Object { .. }
        | Resource::Objects { .. }
        | Resource::Partition(_) => None,
    };
    let object = id.and_then(|id| service.registry.get(id));
    let key = object.as_ref().and_then(|object| object.key.as_ref());
    key.is_some_and(|key| key.life.service.as_deref() == Some(name))
}

/// Makes the key of a service that asks for the first time.
pub(in crate::service) fn welcome(
    service: &Service,
    caller: &Caller,
    row: &Row,
) -> Result<(), Error> {
    let Some(name) = service_of(service, caller) else { return Ok(()) };
    let alias = alias_of(name);
    let slot = caller.partition;
    let is_there = || service.registry.by_alias(slot, &alias).is_some();
    if row.effect != Effect::Use || service.partitions.get(slot).is_none() || is_there() {
        return Ok(());
    }
    let event = Event::new("CreateKey", Action::Write)
        .through("service", "")
        .parameter("Alias", alias.as_str());
    service.audit.append_durable(event, Priority::Normal)?;
    let new = New {
        alias: alias.clone(),
        description: format!("Key of the service {name}"),
        usage: KeyUsage::EncryptDecrypt,
        spec: KeyUsage::EncryptDecrypt.specs()[0],
        origin: Origin::Generated,
        creator: caller.uid,
        tags: Vec::new(),
        service: Some(name.to_owned()),
        rotate_days: 0,
        made_by: None,
    };
    match make(service, slot, new, &|| Ok(None)) {
        // Another connection of the service was faster.
        Err(error) if error.code() == ErrorCode::AliasAlreadyExists => Ok(()),
        made => made.map(drop),
    }
}
