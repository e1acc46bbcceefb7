//! CopyObject.
//!
//! A session copy of a token key is a reference that shares its state, so that disabling the key stops the copy
//! too. A copy of a CMK shares its material as well and ends with it; it cannot become a token object.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute::{self as a, Attribute};
use coffer_protocol::operation::KeyRule;
use coffer_protocol::operation::object::{CopyObject, ObjectDescription};

use super::amend::{self, Moment};
use super::place::{self, New, NewMaterial};
use super::rules;
use super::stop::Stop;
use super::template::{self, Template};
use super::{Context, describe};
use crate::Error;
use crate::object::{Attributes, Material, Object, ObjectId};
use crate::service::cipher;
use crate::service::{Answer, Authorized, Caller, Handle, Service};
use crate::store::KeyId;
use crate::vault::{self, Depth, SecretBytes};

impl Handle for CopyObject {
    type Plan = (Arc<Object>, Attributes);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        template::validate(payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let (request, payload) = (call.request(), call.payload());
        let context = Context::of(call, request.session)?;
        let object = context.object(request.object, service)?;
        // What is not modifiable may be copied to something else: CKA_COPYABLE is there to forbid that (PKCS#11 3.1
        // sections 4.1.3 and 4.4).
        if !object.attributes.flag(a::COPYABLE) {
            return Err(ErrorCode::ActionProhibited.into());
        }
        let template = Template::read(payload, 0..payload.len())?;
        let kind = object.kind().ok_or(ErrorCode::ObjectInvalid)?;
        let login = context.session.login;
        let mut attributes = amend::apply(&template, &object, Moment::Copy, login)?;
        // A key that needs a login does not lose that in a copy.
        if kind.has_material() && object.is_private() && !attributes.flag(a::PRIVATE) {
            return Err(Error::about(ErrorCode::TemplateInconsistent, "CKA_PRIVATE"));
        }
        rules::may_write(&context.session, &attributes)?;
        if kind.has_material() {
            if attributes.flag(a::TOKEN) {
                may_last(service, &object)?;
            } else if !template.has(a::DESTROYABLE) && object.shares_cmk() {
                // The reference may go; only what it refers to may not.
                attributes.set(Attribute::boolean(a::DESTROYABLE, true));
            }
        }
        Ok((object, attributes))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (object, mut attributes): Self::Plan,
        service: &Service,
    ) -> Result<Answer<ObjectDescription>, Error> {
        let context = Context::of(&call, call.request().session)?;
        let id = ObjectId::random();
        attributes.set(Attribute::bytes(a::UNIQUE_ID, id.to_string()));
        let material = if attributes.flag(a::TOKEN) {
            lasting(service, &object)?
        } else {
            fleeting(service, call.caller(), &object)?
        };
        let new = New { id, attributes, material };
        let objects =
            place::put(service, call.caller(), context.application, &context.session, vec![new])?;
        describe::only(service, &context, &objects)
    }
}

/// Whether a key may be copied to the token: not a CMK, and not a key whose state forbids its use, because the
/// copy would have a state of its own.
fn may_last(service: &Service, object: &Arc<Object>) -> Result<(), Error> {
    if object.shares_cmk() {
        return Err(ErrorCode::ActionProhibited.into());
    }
    match cipher::state(service, object).ok().flatten() {
        Some(state) => Ok(crate::state::key::check(KeyRule::Encrypt, state)?),
        None => Ok(()),
    }
}

/// The material of a token copy: bytes of its own.
fn lasting(service: &Service, object: &Object) -> Result<NewMaterial, Error> {
    Ok(match &object.material {
        Material::None => NewMaterial::None,
        Material::Stored => NewMaterial::Own(open(service, object)?),
        Material::Session(key) | Material::Reference { kept: Some(key), .. } => {
            let bytes = vault::run(Depth::Small, |inside| {
                SecretBytes::copy_from(inside, key.material.get(inside))
            })??;
            NewMaterial::Own(bytes)
        }
        Material::Reference { kept: None, .. } => return Err(ErrorCode::ActionProhibited.into()),
    })
}

/// The material of a session copy: shared with what it is copied from.
fn fleeting(service: &Service, caller: &Caller, object: &Object) -> Result<NewMaterial, Error> {
    Ok(match &object.material {
        Material::None if !object.is_cmk() => NewMaterial::None,
        Material::Stored if !object.is_cmk() => {
            let kept = place::session_key(service, caller, object, open(service, object)?)?;
            NewMaterial::Shared(Material::Reference { of: object.id, kept: Some(kept) })
        }
        Material::None | Material::Stored => {
            NewMaterial::Shared(Material::Reference { of: object.id, kept: None })
        }
        shared @ (Material::Session(_) | Material::Reference { .. }) => {
            NewMaterial::Shared(shared.clone())
        }
    })
}

/// The newest material of a token key.
pub(super) fn open(service: &Service, object: &Object) -> Result<SecretBytes, Error> {
    let version = object.key.as_ref().map_or(1, |key| key.version);
    let opened = vault::run(Depth::Small, |inside| -> Result<SecretBytes, Stop> {
        Ok(service.store.open_material(inside, KeyId(object.id.0), version)?)
    })?;
    Ok(opened?)
}
