//! Whether a key may be used for a function with a mechanism, now. Every use passes here.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute;
use coffer_protocol::key::KeyState;
use coffer_protocol::mechanism::{self, CallError, Mechanism, MechanismCall, Parameter};
use coffer_protocol::operation::cipher::Function;
use coffer_protocol::operation::{KeyRule, Operation};
use coffer_protocol::weak::Doing;

use super::super::{Authorized, Service, visible, weak};
use super::iv::Rotating;
use super::{Demand, demand};
use crate::Error;
use crate::object::{KeyPart, Material, Object, class, public};
use crate::state::key;

/// A key that may be used, and how.
pub(crate) struct Usable {
    pub(in crate::service) object: Arc<Object>,
    pub(in crate::service) key: KeyPart,
    pub(in crate::service) mechanism: &'static Mechanism,
    pub(in crate::service) parameter: Parameter,
    /// The version of the key, if it rotates.
    pub(super) rotating: Option<Rotating>,
}

/// [`usable_for`] what the operations of this family do.
pub(super) fn usable<O: Operation>(
    call: &Authorized<'_, O>,
    service: &Service,
    session: u32,
    handle: u32,
    mechanism: &MechanismCall,
    function: Function,
) -> Result<Usable, Error> {
    usable_for(call, service, session, handle, mechanism, demand(function))
}

/// Finds the key and decides. The order of the checks is that of PKCS#11 section 5.1: a wrong type comes before
/// a missing permission.
pub(in crate::service) fn usable_for<O: Operation>(
    call: &Authorized<'_, O>,
    service: &Service,
    session: u32,
    handle: u32,
    mechanism: &MechanismCall,
    demand: Demand,
) -> Result<Usable, Error> {
    let view = call.session(session)?;
    let application = call.application()?;
    let object = visible::object(service, application, &view, handle, ErrorCode::KeyInvalid)?;
    if !object.is_key() {
        return Err(ErrorCode::KeyInvalid.into());
    }
    let (mechanism, parameter) = parsed(mechanism)?;
    if !mechanism.functions.contains(demand.mechanism) {
        return Err(ErrorCode::MechanismInvalid.into());
    }
    let fits = object.key_type().is_some_and(|key_type| mechanism.fits(key_type));
    if !fits || !has_half(&object, demand.mechanism) {
        return Err(ErrorCode::KeyTypeInconsistent.into());
    }
    if !object.attributes.flag(demand.attribute) {
        return Err(ErrorCode::KeyNotPermitted.into());
    }
    if !allows(&object, mechanism.ckm) {
        return Err(ErrorCode::MechanismInvalid.into());
    }
    obeys(service, &object, demand)?;
    if !mechanism.key_size.contains_bits(object.key_bits() as usize) {
        return Err(ErrorCode::KeySize.into());
    }
    weak::check(service, &object, Doing::Function(demand.mechanism))?;
    let possible = mechanism.accepts(&parameter, object.key_bits() as usize);
    possible.map_err(|_| ErrorCode::MechanismParameter)?;
    if object.attributes.flag(attribute::ALWAYS_AUTHENTICATE) {
        // What has no C_*Init has no moment for the PIN.
        use mechanism::Function::{Decrypt, Sign, SignRecover};
        let asks = matches!(demand.mechanism, Decrypt | Sign | SignRecover);
        if !asks || !application.is_authenticated(session, object.id) {
            return Err(ErrorCode::UserNotLoggedIn.into());
        }
    }
    let source = source(service, &object);
    let key = part(service, &object, &source)?;
    Ok(Usable { rotating: Rotating::of(&source), object, key, mechanism, parameter })
}

/// Uses up the PIN that was given for this use, where the key asks for one.
///
/// # Errors
///
/// [`ErrorCode::UserNotLoggedIn`] where none was given, or another use was faster.
pub(super) fn spend<O: Operation>(
    call: &Authorized<'_, O>,
    session: u32,
    usable: &Usable,
) -> Result<(), Error> {
    if !usable.object.attributes.flag(attribute::ALWAYS_AUTHENTICATE) {
        return Ok(());
    }
    call.application()?.spend_authentication(session, usable.object.id)
}

fn parsed(call: &MechanismCall) -> Result<(&'static Mechanism, Parameter), Error> {
    call.parse().map_err(|error| match error {
        CallError::Mechanism => ErrorCode::MechanismInvalid.into(),
        CallError::Parameter => ErrorCode::MechanismParameter.into(),
    })
}

/// Whether the key is limited to other mechanisms (`CKA_ALLOWED_MECHANISMS`).
fn allows(object: &Object, ckm: u64) -> bool {
    object.attributes.mechanisms().is_none_or(|mut allowed| allowed.any(|number| number == ckm))
}

/// Whether the object is the half of a key that the function works with.
fn has_half(object: &Object, function: mechanism::Function) -> bool {
    use mechanism::Function as F;
    match object.class() {
        class::SECRET_KEY => true,
        class::PRIVATE_KEY => matches!(
            function,
            F::Decrypt | F::Sign | F::SignRecover | F::Unwrap | F::Derive | F::Decapsulate
        ),
        class::PUBLIC_KEY => {
            matches!(function, F::Encrypt | F::Verify | F::VerifyRecover | F::Wrap | F::Encapsulate)
        }
        _ => false,
    }
}

/// The state of a key as it is now; a session's copy has that of what it was copied from. `None`: it has none.
///
/// # Errors
///
/// [`ErrorCode::KeyInvalid`] for a key that was destroyed.
pub(in crate::service) fn state(
    service: &Service,
    object: &Object,
) -> Result<Option<KeyState>, ErrorCode> {
    let (id, lives_on) = match &object.material {
        Material::Reference { of, kept } => (*of, kept.is_some()),
        Material::None | Material::Stored | Material::Session(_) if object.key.is_some() => {
            (object.id, false)
        }
        Material::None | Material::Stored | Material::Session(_) => return Ok(None),
    };
    match service.registry.get(id) {
        Some(now) => Ok(now.key.as_ref().map(|key| key.state_at(service.deadlines.now()))),
        None if lives_on => Ok(None),
        None => Err(ErrorCode::KeyInvalid),
    }
}

/// The error that every use of an object gives now, because of the state of its key.
pub(in crate::service) fn refusal(service: &Service, object: &Object) -> Option<ErrorCode> {
    match state(service, object) {
        // What is allowed in the most states: where this is refused, everything is.
        Ok(Some(state)) => key::check(KeyRule::Decrypt, state).err(),
        Ok(None) => None,
        Err(code) => Some(code),
    }
}

/// Whether the state of the key, as it is now, allows the function.
///
/// A use of a key that waits for its deletion is refused here, naming the key, so that the gate raises the alarm.
pub(super) fn still_usable(
    service: &Service,
    object: &Object,
    function: Function,
) -> Result<(), Error> {
    obeys(service, object, demand(function))
}

/// Whether the state of the key, as it is now, allows what is demanded.
pub(in crate::service) fn obeys(
    service: &Service,
    object: &Object,
    demand: Demand,
) -> Result<(), Error> {
    let Some(state) = state(service, object)? else { return Ok(()) };
    key::check(demand.rule, state).map_err(|code| match code {
        ErrorCode::KeyPendingDelete => {
            let id = match &object.material {
                Material::Reference { of, .. } => *of,
                Material::None | Material::Stored | Material::Session(_) => object.id,
            };
            Error::about(code, id.to_string())
        }
        code => code.into(),
    })
}

/// The object that has the versions of a key's material: a session's copy of a token key leaves them there.
pub(super) fn source(service: &Service, object: &Arc<Object>) -> Arc<Object> {
    match &object.material {
        Material::Reference { of, .. } => {
            service.registry.get(*of).unwrap_or_else(|| object.clone())
        }
        Material::None | Material::Stored | Material::Session(_) => object.clone(),
    }
}

/// The part of the key that the store or the object's attributes hold.
fn part(service: &Service, object: &Object, source: &Object) -> Result<KeyPart, Error> {
    if object.class() != class::PUBLIC_KEY {
        return Ok(KeyPart::Secret(service.keyring.newest(source)?));
    }
    Ok(KeyPart::Public(Arc::new(public::key_of(&object.attributes)?)))
}
