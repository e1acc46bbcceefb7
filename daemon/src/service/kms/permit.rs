//! Whether a key may be used or changed so, now: the one place where the key-state table meets a key.
//!
//! The order is that of the KMS: whose key it is, what it is for, its state, then what is bound to it.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::key::KeyState;
use coffer_protocol::operation::KeyRule;

use super::super::{Caller, Service};
use super::{find, meta};
use crate::Error;
use crate::object::{Change, KeyMeta, Object};
use crate::state::key::{self, Guard, Outcome};

/// Any key fits.
#[expect(clippy::unnecessary_wraps, reason = "it stands where other conditions do")]
pub(super) const fn any(_: &KeyMeta) -> Result<(), ErrorCode> {
    Ok(())
}

/// Decides, and gives the state that the key has then.
///
/// # Errors
///
/// The first that applies: [`ErrorCode::NotUserCreatedCmk`], whatever `fits` says, the code of the key-state table,
/// [`ErrorCode::CmkUsedByCloudProduct`].
pub(super) fn permit(
    service: &Service,
    object: &Object,
    rule: KeyRule,
    fits: impl FnOnce(&KeyMeta) -> Result<(), ErrorCode>,
) -> Result<KeyState, Error> {
    let record = meta(object)?;
    let guard = key::row_of(rule).map_or(Guard::Free, |row| row.guard);
    if guard != Guard::Free && record.life.service.is_some() {
        return Err(ErrorCode::NotUserCreatedCmk.into());
    }
    fits(record)?;
    let state = record.state_at(service.deadlines.now());
    let next = match key::outcome(rule, state) {
        Outcome::Stay => state,
        Outcome::Become(next) => next,
        // Naming the key, so that the gate raises the alarm.
        Outcome::Refuse(code @ ErrorCode::KeyPendingDelete) => {
            return Err(Error::about(code, object.id.to_string()));
        }
        Outcome::Refuse(code) => return Err(code.into()),
    };
    if guard == Guard::UnboundUserKeys && !record.life.bindings.is_empty() {
        let holders: Vec<String> =
            record.life.bindings.iter().map(|(who, what)| format!("{who}/{what}")).collect();
        return Err(Error::about(ErrorCode::CmkUsedByCloudProduct, holders.join(", ")));
    }
    Ok(next)
}

/// The key of that name, for what is permitted now.
///
/// # Errors
///
/// [`ErrorCode::CmkNotFound`], then as [`permit`].
pub(super) fn permitted(
    service: &Service,
    caller: &Caller,
    name: &str,
    rule: KeyRule,
    fits: impl FnOnce(&KeyMeta) -> Result<(), ErrorCode>,
) -> Result<Arc<Object>, Error> {
    let object = find(service, caller, name)?;
    permit(service, &object, rule, fits)?;
    Ok(object)
}

/// Changes what is known of one key: `edit` sees its newest record after it was permitted, and the state that it
/// gets. Tells of the change.
///
/// # Errors
///
/// As [`permit`], what `edit` returns, or what the store reports.
pub(super) fn change(
    service: &Service,
    object: &Object,
    rule: KeyRule,
    fits: impl FnOnce(&KeyMeta) -> Result<(), ErrorCode>,
    edit: impl FnOnce(&mut KeyMeta, KeyState) -> Result<(), Error>,
) -> Result<Arc<Object>, Error> {
    let changed = service
        .registry
        .update(object.id, |now| {
            let state = permit(service, now, rule, fits)?;
            let mut next = now.snapshot();
            if let Some(key) = &mut next.key {
                edit(key, state)?;
            }
            if next.key == now.key {
                return Ok(Change::Unchanged);
            }
            Ok(Change::Replaced(Box::new(next)))
        })
        .map_err(gone)?;
    service.keyring.close(changed.id);
    service.events.object_changed(&changed);
    Ok(changed)
}

/// A key that went meanwhile is one that there is not.
pub(super) fn gone(error: Error) -> Error {
    match error.code() {
        ErrorCode::ObjectInvalid => ErrorCode::CmkNotFound.into(),
        _ => error,
    }
}
