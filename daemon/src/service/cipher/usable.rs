//! Whether a key may be used for a function with a mechanism, now. Every use passes here.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute;
use coffer_protocol::mechanism::{CallError, Mechanism, MechanismCall, Parameter};
use coffer_protocol::operation::Operation;
use coffer_protocol::operation::cipher::Function;

use super::super::{Authorized, Service, visible};
use super::demand;
use crate::Error;
use crate::object::{KeyPart, Material, Object, class, public};
use crate::state::key;

/// A key that may be used, and how.
pub(crate) struct Usable {
    pub(super) object: Arc<Object>,
    pub(super) key: KeyPart,
    pub(super) mechanism: &'static Mechanism,
    pub(super) parameter: Parameter,
}

/// Finds the key and decides. The order of the checks is that of PKCS#11 section 5.1: a wrong type comes before
/// a missing permission.
pub(super) fn usable<O: Operation>(
    call: &Authorized<'_, O>,
    service: &Service,
    session: u32,
    handle: u32,
    mechanism: &MechanismCall,
    function: Function,
) -> Result<Usable, Error> {
    let view = call.session(session)?;
    let application = call.application()?;
    let object = visible::object(service, application, &view, handle, ErrorCode::KeyInvalid)?;
    if !object.is_key() {
        return Err(ErrorCode::KeyInvalid.into());
    }
    let demand = demand(function);
    let (mechanism, parameter) = parsed(mechanism)?;
    if !mechanism.functions.contains(demand.mechanism) {
        return Err(ErrorCode::MechanismInvalid.into());
    }
    let fits = object.key_type().is_some_and(|key_type| mechanism.fits(key_type));
    if !fits {
        return Err(ErrorCode::KeyTypeInconsistent.into());
    }
    if !object.attributes.flag(demand.attribute) {
        return Err(ErrorCode::KeyNotPermitted.into());
    }
    if !allows(&object, mechanism.ckm) {
        return Err(ErrorCode::MechanismInvalid.into());
    }
    still_usable(service, &object, function)?;
    if !mechanism.key_size.contains_bits(object.key_bits() as usize) {
        return Err(ErrorCode::KeySize.into());
    }
    let key = part(service, &object)?;
    Ok(Usable { object, key, mechanism, parameter })
}

fn parsed(call: &MechanismCall) -> Result<(&'static Mechanism, Parameter), Error> {
    call.parse().map_err(|error| match error {
        CallError::Mechanism => ErrorCode::MechanismInvalid.into(),
        CallError::Parameter => ErrorCode::MechanismParameter.into(),
    })
}

/// Whether the key is limited to other mechanisms (`CKA_ALLOWED_MECHANISMS`).
fn allows(object: &Object, ckm: u64) -> bool {
    object.attributes.get(attribute::ALLOWED_MECHANISMS).is_none_or(|allowed| {
        allowed.chunks_exact(8).any(|mechanism| mechanism == ckm.to_le_bytes())
    })
}

/// Whether the state of the key, as it is now, allows the function.
///
/// A use of a key that waits for its deletion is refused here, which is where its alarm belongs.
pub(super) fn still_usable(
    service: &Service,
    object: &Object,
    function: Function,
) -> Result<(), Error> {
    let rule = demand(function).rule;
    let state = match (&object.key, &object.material) {
        (Some(_), _) => match service.registry.get(object.id) {
            Some(now) => now.key.as_ref().map(|key| key.state),
            // A reference in a session outlives the object that it was copied from, but not its key.
            None if matches!(object.material, Material::Session(_)) => None,
            None => return Err(ErrorCode::KeyInvalid.into()),
        },
        (None, _) => None,
    };
    match state {
        Some(state) => Ok(key::check(rule, state)?),
        None => Ok(()),
    }
}

/// The part of the key that the store or the object's attributes hold.
fn part(service: &Service, object: &Object) -> Result<KeyPart, Error> {
    if object.class() != class::PUBLIC_KEY {
        return Ok(KeyPart::Secret(service.keyring.newest(object)?));
    }
    Ok(KeyPart::Public(Arc::new(public::key_of(&object.attributes)?)))
}
