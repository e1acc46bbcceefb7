//! SetAttributes.

use std::sync::Arc;

use coffer_protocol::ErrorCode;
use coffer_protocol::attribute as a;
use coffer_protocol::operation::object::{Nothing, SetAttributes};

use super::Context;
use super::amend::{self, Moment};
use super::rules;
use super::template::{self, Template};
use crate::Error;
use crate::application::SessionView;
use crate::object::{Attributes, Change, Object, class, cmk};
use crate::service::{Answer, Authorized, Handle, Service};
use crate::state::login::Login;

/// The attributes of an object after the change, which needs to be asked again when it is made: somebody else may
/// have been faster.
fn changed(
    object: &Object,
    template: &Template,
    session: &SessionView,
) -> Result<Attributes, Error> {
    // A trusted certificate stays what was trusted (PKCS#11 3.1 section 4.6.2); who trusted it may think again.
    let is_fixed = object.class() == class::CERTIFICATE
        && object.attributes.flag(a::TRUSTED)
        && session.login != Login::SecurityOfficer;
    if is_fixed || !object.attributes.flag(a::MODIFIABLE) {
        return Err(ErrorCode::ActionProhibited.into());
    }
    rules::may_write(session, &object.attributes)?;
    amend::apply(template, object, Moment::Change, session.login)
}

/// Whether it is the public half of a CMK, which nobody changes but in name either: such an object is not even
/// private.
fn is_half_of_cmk(service: &Service, object: &Object) -> bool {
    object.class() == class::PUBLIC_KEY
        && !object.attributes.flag(a::DESTROYABLE)
        && service
            .registry
            .keys(object.slot)
            .iter()
            .any(|key| key.is_cmk() && cmk::public_half_id(key.id) == object.id)
}

impl Handle for SetAttributes {
    type Plan = (Arc<Object>, Template);

    fn validate(&self, payload_length: usize) -> Result<(), Error> {
        template::validate(payload_length)
    }

    fn check(call: &Authorized<'_, Self>, service: &Service) -> Result<Self::Plan, Error> {
        let (request, payload) = (call.request(), call.payload());
        let context = Context::of(call, request.session)?;
        let object = context.object(request.object, service)?;
        let template = Template::read(payload, 0..payload.len())?;
        changed(&object, &template, &context.session)?;
        if is_half_of_cmk(service, &object) {
            amend::only_names(&template)?;
        }
        Ok((object, template))
    }

    fn commit(
        call: Authorized<'_, Self>,
        (object, template): Self::Plan,
        service: &Service,
    ) -> Result<Answer<Nothing>, Error> {
        let Context { application, session } = Context::of(&call, call.request().session)?;
        if object.is_token() {
            let after = service.registry.update(object.id, |now| {
                let attributes = changed(now, &template, &session)?;
                if attributes == now.attributes {
                    return Ok(Change::Unchanged);
                }
                Ok(Change::Replaced(Box::new(Object { attributes, ..now.snapshot() })))
            })?;
            service.events.object_changed(&after);
        } else {
            application.update_session_object(object.id, |now| {
                let attributes = changed(now, &template, &session)?;
                Ok(Object { attributes, ..now.snapshot() })
            })?;
        }
        Ok(Answer::new(Nothing {}))
    }
}
