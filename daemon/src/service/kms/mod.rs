//! The KMS face: CMKs, their states, and cryptography with them.

mod blob;
mod context;
mod create;
mod crypt;
mod describe;
mod information;
mod sign;
mod state;

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::is_alias;

use super::{Caller, Service};
use crate::Error;
use crate::object::{KeyMeta, Object, ObjectId};

/// How a request names a key.
enum KeyName<'a> {
    Id(ObjectId),
    Alias(&'a str),
}

/// Reads a key's name: a UUID, or `alias/<name>`.
fn parse_name(text: &str) -> Result<KeyName<'_>, Error> {
    match text.strip_prefix("alias/") {
        Some(alias) if is_alias(alias) => Ok(KeyName::Alias(alias)),
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

/// The key of that name in the caller's partition.
///
/// # Errors
///
/// [`ErrorCode::InvalidKeyId`] or [`ErrorCode::CmkNotFound`].
pub(super) fn find(service: &Service, caller: &Caller, name: &str) -> Result<Arc<Object>, Error> {
    let object = match parse_name(name)? {
        KeyName::Id(id) => service.registry.get(id),
        KeyName::Alias(alias) => service.registry.by_alias(caller.partition, alias),
    };
    object
        .filter(|object| object.slot == caller.partition && object.key.is_some())
        .ok_or(ErrorCode::CmkNotFound.into())
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
