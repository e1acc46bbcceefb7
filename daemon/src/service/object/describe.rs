//! DescribeObject, and the description of an object in every other reply.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute as a;
use coffer_protocol::key::KeyState;
use coffer_protocol::operation::object::{DescribeObject, ObjectDescription, Usage};

use super::Context;
use crate::Error;
use crate::object::{Material, Object};
use crate::service::cipher;
use crate::service::{Answer, Authorized, Handle, Service};

/// Usage attributes, with whether an archived key loses them: it decrypts, verifies and unwraps only.
const USAGES: [(u64, Usage, bool); 11] = [
    (a::ENCRYPT, Usage::Encrypt, true),
    (a::DECRYPT, Usage::Decrypt, false),
    (a::SIGN, Usage::Sign, true),
    (a::VERIFY, Usage::Verify, false),
    (a::WRAP, Usage::Wrap, true),
    (a::UNWRAP, Usage::Unwrap, false),
    (a::DERIVE, Usage::Derive, true),
    (a::SIGN_RECOVER, Usage::SignRecover, true),
    (a::VERIFY_RECOVER, Usage::VerifyRecover, false),
    (a::ENCAPSULATE, Usage::Encapsulate, true),
    (a::DECAPSULATE, Usage::Decapsulate, false),
];

/// What the usage attributes of an object allow in the state of its key.
pub(super) fn usage(object: &Object, state: KeyState) -> u32 {
    USAGES
        .iter()
        .filter(|(attribute, ..)| object.attributes.flag(*attribute))
        .filter(|(.., lost)| !(*lost && state == KeyState::Archived))
        .fold(0, |set, (_, usage, _)| set | *usage as u32)
}

/// Whether a usage attribute reads as false because the key is archived.
pub(super) fn is_suspended(attribute: u64, state: KeyState) -> bool {
    state == KeyState::Archived
        && USAGES.iter().any(|(usage, _, lost)| *usage == attribute && *lost)
}

/// Describes an object of which the application has, or now gets, this handle.
pub(super) fn describe(service: &Service, object: &Arc<Object>, handle: u32) -> ObjectDescription {
    let state = cipher::state(service, object).ok().flatten();
    ObjectDescription {
        object: handle,
        id: object.id.0,
        class: object.class(),
        key_type: if object.is_key() {
            object.attributes.number(a::KEY_TYPE).unwrap_or(u64::MAX)
        } else {
            u64::MAX
        },
        key_bits: object.key_bits(),
        usage: usage(object, state.unwrap_or(KeyState::Enabled)),
        always_authenticate: object.attributes.flag(a::ALWAYS_AUTHENTICATE),
        refusal: cipher::refusal(service, object).map_or(0, |code| code as u16),
        allowed_mechanisms: object.attributes.mechanisms().into_iter().flatten().collect(),
        material: match &object.material {
            Material::Session(key) => key.number,
            Material::None | Material::Stored | Material::Reference { .. } => 0,
        },
    }
}

/// The answer of an operation that made one object.
pub(super) fn only(
    service: &Service,
    context: &Context<'_>,
    objects: &[Arc<Object>],
) -> Result<Answer<ObjectDescription>, Error> {
    let object = objects.first().ok_or(ErrorCode::Internal)?;
    let handle = context.application.handle_of(object);
    Ok(Answer::new(describe(service, object, handle)))
}

impl Handle for DescribeObject {
    type Plan = Arc<Object>;

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Arc<Object>, Error> {
        let request = call.request();
        Context::of(call, request.session)?.object(request.object, service)
    }

    fn commit(
        call: Authorized<'_, Self>,
        object: Arc<Object>,
        service: &Service,
    ) -> Result<Answer<ObjectDescription>, Error> {
        Ok(Answer::new(describe(service, &object, call.request().object)))
    }
}
