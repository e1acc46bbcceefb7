//! The KMS face: CMKs, their states, and cryptography with them.

mod alarm;
mod asymmetric;
mod batch;
mod binding;
mod blob;
mod context;
mod create;
mod crypt;
mod data_key;
mod deletion;
mod describe;
pub(super) mod envelope;
mod import;
mod information;
mod keep;
mod mac;
mod material;
mod pair;
mod permit;
mod product;
mod rotation;
mod sign;
mod state;
mod tag;
mod token;
mod usage;
mod wrapped;

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::is_key_name;

use super::{Caller, Service};
use crate::Error;
use crate::object::{KeyMeta, Object, ObjectId};
pub(super) use product::{is_own_use, welcome};
pub use token::Imports;
pub use usage::Uses;

/// How a request names a key.
enum KeyName<'a> {
    Id(ObjectId),
    Alias(&'a str),
}

/// Reads a key's name: a UUID, or `alias/<name>`.
fn parse_name(text: &str) -> Result<KeyName<'_>, Error> {
    match text.strip_prefix("alias/") {
        Some(alias) if is_key_name(alias) => Ok(KeyName::Alias(alias)),
        Some(_) => Err(ErrorCode::InvalidKeyId.into()),
        None => match ObjectId::parse(text) {
            Some(id) => Ok(KeyName::Id(id)),
            None => Err(ErrorCode::InvalidKeyId.into()),
        },
    }
}

/// The key that a ciphertext names, for the audit log.
pub(super) fn key_of(ciphertext: &[u8]) -> Option<ObjectId> {
    blob::named(ciphertext).ok().map(|named| named.key)
}

/// Refuses what cannot name a key.
fn validate_name(text: &str) -> Result<(), Error> {
    parse_name(text).map(drop)
}

/// Refuses what cannot be a list of keys: 1 to 100 names, each once.
fn validate_names(names: &[String]) -> Result<(), Error> {
    if !(1..=100).contains(&names.len()) {
        return Err(Error::about(ErrorCode::InvalidValue, "KeyIds"));
    }
    for (index, name) in names.iter().enumerate() {
        validate_name(name)?;
        if names[..index].iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Error::about(ErrorCode::DuplicatedKeyId, name.clone()));
        }
    }
    Ok(())
}

/// The key of that name in the caller's partition, if there is one.
pub(super) fn named(service: &Service, caller: &Caller, name: &str) -> Option<Arc<Object>> {
    find(service, caller, name).ok()
}

/// The key of that name in the caller's partition. One whose destruction is due is gone.
///
/// # Errors
///
/// [`ErrorCode::InvalidKeyId`] or [`ErrorCode::CmkNotFound`].
fn find(service: &Service, caller: &Caller, name: &str) -> Result<Arc<Object>, Error> {
    let object = match parse_name(name)? {
        KeyName::Id(id) => service.registry.get(id),
        KeyName::Alias(alias) => service.registry.by_alias(caller.partition, alias),
    };
    let object = object.filter(|object| object.slot == caller.partition);
    let Some((object, key)) =
        object.as_ref().and_then(|object| Some((object, object.key.as_ref()?)))
    else {
        return Err(ErrorCode::CmkNotFound.into());
    };
    if is_gone(service, key) {
        return Err(ErrorCode::CmkNotFound.into());
    }
    Ok(object.clone())
}

/// Whether a key's date has come, although the time keeper has not looked yet.
fn is_gone(service: &Service, key: &KeyMeta) -> bool {
    key.is_due(service.deadlines.now()) && service.deadlines.settled().is_some()
}

/// The keys of those names, each once.
fn find_all(
    service: &Service,
    caller: &Caller,
    names: &[String],
) -> Result<Vec<Arc<Object>>, Error> {
    let mut found: Vec<Arc<Object>> = Vec::with_capacity(names.len());
    for name in names {
        let object = find(service, caller, name)
            .map_err(|error| Error::about(error.code(), name.clone()))?;
        if found.iter().any(|other| other.id == object.id) {
            return Err(Error::about(ErrorCode::DuplicatedKeyId, name.clone()));
        }
        found.push(object);
    }
    Ok(found)
}

/// The KMS record of a key that [`find`] found.
fn meta(object: &Object) -> Result<&KeyMeta, Error> {
    object.key.as_ref().ok_or(ErrorCode::CmkNotFound.into())
}

/// Refuses values outside a range, naming the field.
fn in_range(
    value: i64,
    range: std::ops::RangeInclusive<i64>,
    field: &'static str,
) -> Result<(), Error> {
    if range.contains(&value) { Ok(()) } else { Err(Error::about(ErrorCode::InvalidValue, field)) }
}

/// Refuses a cluster: there is none on a single host.
fn no_cluster(cluster: Option<&String>) -> Result<(), Error> {
    match cluster {
        None => Ok(()),
        Some(name) if name.is_empty() => Ok(()),
        Some(_) => Err(ErrorCode::InvalidHsmClusterId.into()),
    }
}
